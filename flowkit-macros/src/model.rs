//! A task, a flow or a test: the options of the attribute, with the function under it.

use proc_macro2::TokenStream;
use syn::Path;

use crate::attribute::AttributeKind;
use crate::errors::Errors;
use crate::options::{
    FlowOptions, IdentityOptions, Label, Options, Persist, Spanned, TaskOptions, TestOptions,
};
use crate::signature::{self, Function};

pub(crate) type Task = Model<TaskOptions>;
pub(crate) type Flow = Model<FlowOptions>;
pub(crate) type Test = Model<TestOptions>;

/// An attribute's options and its function.
pub(crate) struct Model<O> {
    pub options: O,
    pub function: Function,
}

/// The options of a whole attribute.
pub(crate) trait AttributeOptions: Options {
    const KIND: AttributeKind;

    fn label(&mut self) -> Option<&mut Label>;

    /// What distinguishes calls; `None` for a test, which is never called.
    fn identity(&self) -> Option<&IdentityOptions>;

    /// Whether the result must outlive the process.
    fn must_persist(&self) -> bool;

    /// The path of flowkit, if it is not `::flowkit`.
    fn crate_path(&self) -> Option<&Spanned<Path>>;
}

impl<O: AttributeOptions> Model<O> {
    /// Reads both, and reports all mistakes in both.
    ///
    /// Returns a model if the attribute accepts the function, even with bad options: its code then accompanies the errors, so
    /// that callers do not fail with misleading ones.
    pub(crate) fn parse(args: TokenStream, item: TokenStream) -> (Option<Self>, syn::Result<()>) {
        let mut errors = Errors::default();
        let mut options = O::parse(args, O::KIND, &mut errors);
        let before = errors.count();
        let function = Function::parse(item, O::KIND, &mut errors);
        let is_accepted = errors.count() == before;
        if let (Some(function), Some(label)) = (&function, options.label()) {
            label.run_name.take_if(|run_name| !run_name.value.check(function, &mut errors));
        }
        if let (Some(function), Some(identity)) = (&function, options.identity()) {
            identity.check_against(function, &mut errors);
        }
        if let Some(function) = function.as_ref().filter(|_| options.must_persist()) {
            signature::check_readable(&function.output, O::KIND, &mut errors);
        }
        let model = function.filter(|_| is_accepted).map(|function| Self { options, function });
        (model, errors.finish())
    }
}

impl AttributeOptions for TaskOptions {
    const KIND: AttributeKind = AttributeKind::Task;

    fn label(&mut self) -> Option<&mut Label> {
        Some(&mut self.label)
    }

    fn identity(&self) -> Option<&IdentityOptions> {
        Some(&self.identity)
    }

    fn must_persist(&self) -> bool {
        self.persist_mode() == Persist::Always
    }

    fn crate_path(&self) -> Option<&Spanned<Path>> {
        self.crate_path.as_ref()
    }
}

impl AttributeOptions for FlowOptions {
    const KIND: AttributeKind = AttributeKind::Flow;

    fn label(&mut self) -> Option<&mut Label> {
        Some(&mut self.label)
    }

    fn identity(&self) -> Option<&IdentityOptions> {
        Some(&self.identity)
    }

    fn must_persist(&self) -> bool {
        self.persist_mode() == Persist::Always
    }

    fn crate_path(&self) -> Option<&Spanned<Path>> {
        self.crate_path.as_ref()
    }
}

impl AttributeOptions for TestOptions {
    const KIND: AttributeKind = AttributeKind::Test;

    fn label(&mut self) -> Option<&mut Label> {
        None
    }

    fn identity(&self) -> Option<&IdentityOptions> {
        None
    }

    fn must_persist(&self) -> bool {
        false
    }

    fn crate_path(&self) -> Option<&Spanned<Path>> {
        self.crate_path.as_ref()
    }
}
