//! A task, a flow or a test: the options of the attribute, with the function under it.

use proc_macro2::TokenStream;

use crate::attribute::AttributeKind;
use crate::errors::Errors;
use crate::options::{FlowOptions, IdentityOptions, Label, Options, Persist, TaskOptions, TestOptions};
use crate::signature::{self, Function};

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
    const PLACE: AttributeKind;

    fn label(&mut self) -> Option<&mut Label>;

    /// What tells calls apart; nothing for what is not called.
    fn identity(&self) -> Option<&IdentityOptions>;

    /// Whether the result must outlive the process.
    fn must_keep(&self) -> bool;
}

impl<O: AttributeOptions> Model<O> {
    /// Reads both, with all mistakes in both.
    ///
    /// There is a model if the function is fit for the attribute, also with options that are not: the code for it then
    /// stands beside the errors, so that callers do not fail with misleading ones.
    pub(crate) fn parse(args: TokenStream, item: TokenStream) -> (Option<Self>, syn::Result<()>) {
        let mut errors = Errors::default();
        let mut options = O::parse(args, O::PLACE, &mut errors);
        let before = errors.count();
        let function = Function::parse(item, O::PLACE, &mut errors);
        let is_fit = errors.count() == before;
        if let (Some(function), Some(label)) = (&function, options.label()) {
            label.run_name.take_if(|run_name| !run_name.value.check(function, &mut errors));
        }
        if let (Some(function), Some(identity)) = (&function, options.identity()) {
            identity.check_against(function, &mut errors);
        }
        if let Some(function) = function.as_ref().filter(|_| options.must_keep()) {
            signature::check_kept(&function.output, O::PLACE, &mut errors);
        }
        let model = function.filter(|_| is_fit).map(|function| Self { options, function });
        (model, errors.finish())
    }
}

impl AttributeOptions for TaskOptions {
    const PLACE: AttributeKind = AttributeKind::Task;

    fn label(&mut self) -> Option<&mut Label> {
        Some(&mut self.label)
    }

    fn identity(&self) -> Option<&IdentityOptions> {
        Some(&self.identity)
    }

    fn must_keep(&self) -> bool {
        self.keeping() == Persist::Always
    }
}

impl AttributeOptions for FlowOptions {
    const PLACE: AttributeKind = AttributeKind::Flow;

    fn label(&mut self) -> Option<&mut Label> {
        Some(&mut self.label)
    }

    fn identity(&self) -> Option<&IdentityOptions> {
        Some(&self.identity)
    }

    fn must_keep(&self) -> bool {
        self.keeping() == Persist::Always
    }
}

impl AttributeOptions for TestOptions {
    const PLACE: AttributeKind = AttributeKind::Test;

    fn label(&mut self) -> Option<&mut Label> {
        None
    }

    fn identity(&self) -> Option<&IdentityOptions> {
        None
    }

    fn must_keep(&self) -> bool {
        false
    }
}
