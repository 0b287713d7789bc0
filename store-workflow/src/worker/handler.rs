use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

use super::context::JobContext;
use super::error::JobError;

/// What a handler returns for a job that is done.
pub trait JobOutput: Send + 'static {
    /// Returns what is stored as the result of the job, and as the output of the run it carried
    /// out.
    fn into_result(self) -> Option<Value>;
}

impl JobOutput for () {
    fn into_result(self) -> Option<Value> {
        None
    }
}

impl JobOutput for Value {
    fn into_result(self) -> Option<Value> {
        Some(self)
    }
}

impl JobOutput for Option<Value> {
    fn into_result(self) -> Option<Value> {
        self
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<Option<Value>, JobError>> + Send>>;

/// A handler of whatever type.
pub(super) type Handler = Arc<dyn Fn(JobContext) -> Answer + Send + Sync>;

/// Hides the type of a handler.
pub(super) fn boxed<F, Fut, T>(handler: F) -> Handler
where
    F: Fn(JobContext) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, JobError>> + Send + 'static,
    T: JobOutput,
{
    Arc::new(move |context| {
        let answer = handler(context);
        Box::pin(async move { answer.await.map(JobOutput::into_result) })
    })
}
