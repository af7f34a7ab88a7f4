//! Bare `tokio::spawn`: nothing is named, recorded or cached.

use std::future::Future;

use tokio::task::JoinHandle;

use super::{Start, joined};

/// `tokio::spawn` and its `JoinHandle`.
#[derive(Default)]
pub struct Spawn;

impl Start for Spawn {
    fn start(
        &self,
        _task: &'static str,
        body: impl Future<Output = u64> + Send + 'static,
    ) -> JoinHandle<u64> {
        tokio::spawn(body)
    }

    async fn call(&self, _task: &'static str, body: impl Future<Output = u64> + Send + 'static) -> u64 {
        joined(tokio::spawn(body)).await
    }

    async fn cached(&self) -> Option<u64> {
        None
    }

    fn ended(&self) -> Option<u64> {
        None
    }
}
