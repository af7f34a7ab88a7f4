//! What a call may run after.

use std::sync::Arc;

use super::Handle;
use super::list::{Handles, List};
use crate::engine::task_run::inputs::Input;
use crate::model::TaskError;

/// Something to run after: a [`Handle`], [`Handles`], or several of them.
pub trait After {
    #[doc(hidden)]
    fn add_to(&self, inputs: &mut Vec<Arc<dyn Input>>);
}

impl<T: Send + Sync + 'static, E: TaskError> After for Handle<T, E> {
    fn add_to(&self, inputs: &mut Vec<Arc<dyn Input>>) {
        inputs.push(Arc::clone(&self.slot) as _);
    }
}

impl<T: Send + Sync + 'static, E: TaskError> After for Handles<T, E> {
    fn add_to(&self, inputs: &mut Vec<Arc<dyn Input>>) {
        match &self.list {
            List::Known(list) => list.iter().for_each(|handle| handle.add_to(inputs)),
            List::Later(later) => inputs.push(Arc::clone(later) as _),
        }
    }
}

impl<A: After + ?Sized> After for &A {
    fn add_to(&self, inputs: &mut Vec<Arc<dyn Input>>) {
        (**self).add_to(inputs);
    }
}

impl<A: After> After for [A] {
    fn add_to(&self, inputs: &mut Vec<Arc<dyn Input>>) {
        self.iter().for_each(|first| first.add_to(inputs));
    }
}

impl<A: After, const N: usize> After for [A; N] {
    fn add_to(&self, inputs: &mut Vec<Arc<dyn Input>>) {
        self.as_slice().add_to(inputs);
    }
}
