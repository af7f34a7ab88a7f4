//! An API that does not always answer, and the retry policy for it.

use flowkit::prelude::*;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("connection reset by peer")]
    Reset,
    #[error("401 unauthorized")]
    Unauthorized,
}

/// Calls an API that works from its third answer on. The task waits 5 s before the second attempt, and 10 s before the third.
#[task(retries = 2, retry_delay = "5s", backoff = "exponential")]
pub(crate) async fn fetch(password: &str) -> Result<u32, ApiError> {
    if password.is_empty() {
        return Err(fatal(ApiError::Unauthorized)); // no attempt will make it right
    }
    if ctx().attempt() < 3 { Err(ApiError::Reset) } else { Ok(200) }
}
