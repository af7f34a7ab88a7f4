//! Asks at compile time what a type can do, without demanding it in a bound: autoref specialization. Does not decide what
//! follows from an answer; the generated code does.

use std::error::Error as StdError;

use serde::Serialize;

use crate::engine::flow_run::tally::Tally;
use crate::flow::ReturnedHandles;
use crate::model::{Digest, digest};
#[cfg(feature = "store")]
use crate::policy::cache::KeyInput;
#[cfg(feature = "store")]
use crate::value::canonical::Sealing;

/// The value that a question is about.
///
/// `(&Probe(&value)).again()` calls the method of the trait for `Probe<T>` if `T` meets its bound. Otherwise method lookup adds
/// one more reference, and finds the method of the trait for `&Probe<T>`, which has no bound.
#[derive(Debug)]
pub struct Probe<'a, T: ?Sized>(pub &'a T);

/// Declares the two traits of a question: one whose methods answer for the types that meet the bound in brackets, one whose
/// `else` blocks answer for all others.
macro_rules! probe {
    (
        $(#[$about:meta])*
        $able:ident, else $unable:ident: <$t:ident $(: ?$sized:ident)?> $probe:ty where [$($bound:tt)+];
        $($(#[$note:meta])* fn $method:ident($($params:tt)*) $(-> $answer:ty)? $found:block else $otherwise:block)+
    ) => {
        $(#[$about])*
        pub trait $able<$t $(: ?$sized)?> {
            $($(#[$note])* fn $method($($params)*) $(-> $answer)?;)+
        }

        impl<$t: $($bound)+ $(+ ?$sized)?> $able<$t> for $probe {
            $(fn $method($($params)*) $(-> $answer)? $found)+
        }

        /// The same question, answered for every other type.
        pub trait $unable<$t $(: ?$sized)?> {
            $(fn $method($($params)*) $(-> $answer)?;)+
        }

        #[allow(unused_variables, reason = "without the ability there is nothing to apply them to")]
        impl<$t $(: ?$sized)?> $unable<$t> for &$probe {
            $(fn $method($($params)*) $(-> $answer)? $otherwise)+
        }
    };
}
#[cfg(feature = "store")]
pub(super) use probe;

probe! {
    /// Copies a value that is `Clone`.
    Again, else NotAgain: <T> Probe<'_, T> where [Clone];
    fn again(&self) -> Option<T> { Some(self.0.clone()) } else { None }
}

probe! {
    /// Counts the handles in the result of a flow.
    Tallied, else NotTallied: <T> Probe<'_, T> where [ReturnedHandles];
    fn tally(&self, tally: &mut Tally) { self.0.add_to(tally); } else {}
}

probe! {
    /// Returns the digest of a value that can be serialized.
    Digested, else NotDigested: <T> Probe<'_, T> where [Serialize];
    fn digest(&self) -> Option<Digest> { digest(self.0).ok() } else { None }
}

#[cfg(feature = "store")]
probe! {
    /// Describes an argument in the cache key for people. Asked rather than demanded: [`bounds`](crate::task::bounds) reports
    /// once what the key itself demands.
    InKey, else NotInKey: <T: ?Sized> Probe<'_, T> where [Serialize];
    fn key_input(&self, name: &str, sealing: Sealing<'_>) -> Option<KeyInput> {
        KeyInput::of(name, self.0, sealing)
    } else { None }
}

/// Returns a value that is an error as one. For `(&&Probe(error)).as_error()`, method lookup tries this trait first, then with
/// one more reference [`DerefsToError`], then with one fewer [`NoErrorToShow`].
pub trait AsError<'a> {
    fn as_error(&self) -> Option<&'a (dyn StdError + 'static)>;
}

impl<'a, E: StdError + 'static> AsError<'a> for &Probe<'a, E> {
    fn as_error(&self) -> Option<&'a (dyn StdError + 'static)> {
        Some(self.0)
    }
}

/// Returns the error that a value dereferences to: `anyhow::Error`, `eyre::Report`, `Box<dyn Error + Send + Sync>`.
pub trait DerefsToError<'a> {
    fn as_error(&self) -> Option<&'a (dyn StdError + 'static)>;
}

impl<'a, E> DerefsToError<'a> for &&Probe<'a, E>
where
    E: std::ops::Deref,
    E::Target: ToStdError + 'a,
{
    fn as_error(&self) -> Option<&'a (dyn StdError + 'static)> {
        let error: &'a E = self.0;
        Some((**error).to_std_error())
    }
}

/// Erases what an error type promises besides being an error.
pub trait ToStdError {
    fn to_std_error(&self) -> &(dyn StdError + 'static);
}

impl ToStdError for dyn StdError + Send + Sync + 'static {
    fn to_std_error(&self) -> &(dyn StdError + 'static) {
        self
    }
}

/// Returns nothing: the value is no error, and leads to none.
pub trait NoErrorToShow<'a> {
    fn as_error(&self) -> Option<&'a (dyn StdError + 'static)>;
}

impl<'a, E> NoErrorToShow<'a> for Probe<'a, E> {
    fn as_error(&self) -> Option<&'a (dyn StdError + 'static)> {
        None
    }
}
