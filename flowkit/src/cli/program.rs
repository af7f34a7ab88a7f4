//! The program: its name and its flows, which users refer to by name.

use super::usage::{Usage, UsageResult, meant_or_known};
use crate::engine::spec::FlowSpec;
use crate::store::FlowRunFilter;
use crate::value::parameters::Parameter;

/// The program whose command line this is.
#[derive(Debug)]
pub(super) struct CliProgram {
    /// The name under which it was called, without its folder.
    pub(super) name: String,
    pub(super) flows: Vec<FlowSpec>,
    /// The program's own version, if it has set one.
    pub(super) version: Option<String>,
    /// Whether flowkit alone writes to the terminal, so that runs can be drawn on it.
    pub(super) owns_output: bool,
}

impl CliProgram {
    pub(super) fn new(called: Option<&str>, flows: Vec<FlowSpec>) -> Self {
        let name = called.and_then(|path| std::path::Path::new(path).file_name()?.to_str());
        Self { name: name.unwrap_or("program").to_owned(), flows, version: None, owns_output: false }
    }

    /// Refuses flows with ambiguous names: each is found by the name of its function and by its own `name`.
    pub(super) fn check(&self) -> UsageResult<()> {
        for (index, flow) in self.flows.iter().enumerate() {
            for earlier in &self.flows[..index] {
                let names = [earlier.ident(), earlier.name()];
                let (name, remedy) = if earlier.ident() == flow.ident() {
                    (flow.ident(), "give one of the functions another name")
                } else if let Some(name) =
                    names.iter().find(|name| [flow.ident(), flow.name()].contains(name))
                {
                    (*name, "write another name in `#[flow(name = …)]`")
                } else {
                    continue;
                };
                return Err(Usage::new(format!("two flows are called `{name}`; {remedy}")));
            }
        }
        Ok(())
    }

    /// The only flow of the program, whose name may be left out.
    pub(super) fn only_flow(&self) -> Option<&FlowSpec> {
        match &self.flows[..] {
            [flow] => Some(flow),
            _ => None,
        }
    }

    /// Finds a flow by the name of its function or by its own `name`.
    pub(super) fn flow(&self, typed: &str) -> UsageResult<&FlowSpec> {
        let found = self.flows.iter().find(|flow| flow.ident() == typed || flow.name() == typed);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.flows.iter().map(FlowSpec::ident).collect();
            Usage::new(format!("there is no flow `{typed}`; {}", meant_or_known(typed, &names)))
        })
    }

    /// Finds the flow of a run.
    pub(super) fn flow_of(&self, path: &str) -> Option<&FlowSpec> {
        self.flows.iter().find(|flow| flow.declaration.path == path)
    }

    /// Returns the parameters of all flows.
    pub(super) fn parameters(&self) -> Vec<Parameter> {
        self.flows.iter().flat_map(FlowSpec::all_parameters).collect()
    }

    /// A filter for the runs of a flow, which the program may no longer have.
    pub(super) fn runs_of(&self, typed: &str) -> FlowRunFilter {
        let name = self.flow(typed).map_or_else(|_| typed, |flow| flow.name());
        FlowRunFilter { flows: vec![name.to_owned()], ..FlowRunFilter::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    #[flow]
    async fn etl() -> u32 {
        1
    }

    #[flow(name = "etl")]
    async fn nightly() -> u32 {
        2
    }

    #[flow(name = "etl of another kind")]
    async fn weekly() -> u32 {
        3
    }

    mod elsewhere {
        use crate::prelude::*;

        #[flow]
        pub(super) async fn etl() -> u32 {
            4
        }
    }

    #[test]
    fn two_flows_of_one_name_are_refused() {
        let check = |flows: Vec<FlowSpec>| CliProgram::new(Some("mybin"), flows).check();
        for twice in [
            vec![etl::spec(), etl::spec()],
            vec![etl::spec(), elsewhere::etl::spec()],
            vec![etl::spec(), nightly::spec()],
            vec![nightly::spec(), etl::spec()],
        ] {
            let refused = check(twice).unwrap_err().to_string();
            assert!(refused.starts_with("two flows are called `etl`; "), "{refused}");
            assert!(refused.contains("another name"), "{refused}");
        }
        assert!(check(vec![etl::spec(), weekly::spec()]).is_ok());
    }
}
