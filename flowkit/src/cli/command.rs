//! The verbs as part of a program that already has a `clap` command line.

use std::marker::PhantomData;
use std::panic::Location;

use clap::error::Error;
use clap::{ArgMatches, FromArgMatches, Subcommand};

use super::program::CliProgram;
use super::{Exit, grammar, session, verbs};
use crate::engine::spec::FlowSpec;
use crate::flow::spec::Flow;

/// Some flows: a tuple of up to eight, or of tuples.
pub trait Flows {
    /// Returns them in order.
    fn specs() -> Vec<FlowSpec>;
}

impl<F: Flow> Flows for F {
    fn specs() -> Vec<FlowSpec> {
        vec![F::spec()]
    }
}

macro_rules! tuples {
    ($($flow:ident)+) => {
        impl<$($flow: Flows),+> Flows for ($($flow,)+) {
            fn specs() -> Vec<FlowSpec> {
                let mut specs = Vec::new();
                $(specs.extend($flow::specs());)+
                specs
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);

/// The verbs for some flows (`run`, `runs`, `show` and so on), inside the command line of a program.
///
/// ```text
/// #[derive(clap::Subcommand)]
/// enum Verb {
///     /// Serves the shop
///     Serve,
///     #[command(flatten)]
///     Flow(flowkit::cli::Command<(etl, nightly)>),
/// }
///
/// match Shop::parse().verb {
///     Verb::Serve => serve().await,
///     Verb::Flow(command) => return command.run().await,
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Command<F> {
    matches: ArgMatches,
    flows: PhantomData<fn() -> F>,
}

impl<F: Flows> Command<F> {
    fn program() -> CliProgram {
        CliProgram::new(std::env::args().next().as_deref(), F::specs())
    }

    /// Runs the verb that was typed.
    #[track_caller]
    pub fn run(self) -> impl Future<Output = Exit> {
        let location = Location::caller();
        async move {
            let done = async {
                let program = Self::program();
                program.check()?;
                let session = session::Session::new(program, &self.matches, location)?;
                verbs::dispatch(&session, &self.matches).await
            };
            done.await.map_or_else(|usage| usage.report(), super::with_lost_output)
        }
    }
}

impl<F: Flows> FromArgMatches for Command<F> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Ok(Self { matches: matches.clone(), flows: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.matches = matches.clone();
        Ok(())
    }
}

impl<F: Flows> Subcommand for Command<F> {
    fn augment_subcommands(command: clap::Command) -> clap::Command {
        command.subcommands(grammar::verbs(&Self::program()))
    }

    fn augment_subcommands_for_update(command: clap::Command) -> clap::Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        grammar::verb_names(&Self::program()).iter().any(|verb| verb == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    #[flow]
    async fn etl(rows: u32) -> u32 {
        rows
    }

    #[flow]
    async fn nightly() -> u32 {
        1
    }

    type Shop = Command<(etl, nightly)>;

    #[tokio::test]
    async fn the_verbs_stand_beside_those_of_the_program() {
        assert!(Shop::has_subcommand("run") && !Shop::has_subcommand("serve"));
        let shop =
            || Shop::augment_subcommands(clap::Command::new("shop").subcommand(clap::Command::new("serve")));
        let typed = |words: [&str; 4]| shop().try_get_matches_from(words);
        let matches = typed(["shop", "run", "etl", "--show-config"]).unwrap();
        let command = Shop::from_arg_matches(&matches).unwrap();
        assert_eq!(command.run().await, Exit::SUCCESS);
        assert!(typed(["shop", "run", "weekly", "--show-config"]).is_err());
        assert_eq!(shop().try_get_matches_from(["shop", "serve"]).unwrap().subcommand_name(), Some("serve"));
    }
}
