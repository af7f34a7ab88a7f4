//! One task run, from the user's call to its end: `launch` registers the call, `inputs` waits for what it depends on, `execute`
//! makes its value, `finish` records its end. The attempts of its body are in `attempt`.

pub(crate) mod call_mode;
pub(crate) mod completion;
pub(crate) mod core;
pub(crate) mod driver;
pub(crate) mod execute;
pub(crate) mod finish;
pub(crate) mod inputs;
pub(crate) mod launch;
pub(crate) mod on_heap;
pub(crate) mod options;
pub(crate) mod persisted;
pub(crate) mod queue;
pub(crate) mod slot;
