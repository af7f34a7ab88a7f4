//! A task, a flow or a test: the options of the attribute, with the function under it.

use proc_macro2::{Span, TokenStream};

use crate::errors::Errors;
use crate::options::{FlowOptions, Label, Options, Place, TaskOptions, TestOptions};
use crate::signature::Function;

pub(crate) type Task = Model<TaskOptions>;
pub(crate) type Flow = Model<FlowOptions>;
pub(crate) type Test = Model<TestOptions>;

/// What an attribute and its function say together.
pub(crate) struct Model<O> {
    pub options: O,
    pub function: Function,
}

/// The options of a whole attribute.
pub(crate) trait AttributeOptions: Options {
    const PLACE: Place;

    fn label(&self) -> Option<&Label>;
}

impl<O: AttributeOptions> Model<O> {
    /// Reads both, or gives all mistakes in both.
    pub(crate) fn parse(args: TokenStream, item: TokenStream) -> syn::Result<Self> {
        let mut errors = Errors::default();
        let options = O::parse(args, O::PLACE, &mut errors);
        let function = Function::parse(item, O::PLACE, &mut errors);
        let run_name = options.label().and_then(|label| label.run_name.as_ref());
        if let (Some(function), Some(run_name)) = (&function, run_name) {
            run_name.value.check(function, &mut errors);
        }
        errors.finish()?;
        // Without an error there is a function.
        let bug = || syn::Error::new(Span::call_site(), "bug in flowkit: no function and no error");
        Ok(Self { options, function: function.ok_or_else(bug)? })
    }
}

impl AttributeOptions for TaskOptions {
    const PLACE: Place = Place::Task;

    fn label(&self) -> Option<&Label> {
        Some(&self.label)
    }
}

impl AttributeOptions for FlowOptions {
    const PLACE: Place = Place::Flow;

    fn label(&self) -> Option<&Label> {
        Some(&self.label)
    }
}

impl AttributeOptions for TestOptions {
    const PLACE: Place = Place::Test;

    fn label(&self) -> Option<&Label> {
        None
    }
}
