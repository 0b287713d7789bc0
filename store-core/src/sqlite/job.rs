//! A write that waits for its commit.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use diesel::SqliteConnection;
use tokio::sync::oneshot;

use crate::observe::Labels;
use crate::{Error, Failure, Message, Result};

/// A write in the queue: it is run once and answered once, after the commit.
pub(super) trait Job: Send {
    /// Runs the closure, catching panics, and tells whether its changes may be kept.
    fn run(&mut self, conn: &mut SqliteConnection) -> Kept;

    /// Answers the caller: with what `run` produced if the batch was committed.
    fn answer(self: Box<Self>, committed: Result<()>);

    /// Whether the caller stopped waiting before the job was begun.
    fn expired(&self, now: Instant) -> bool;

    /// The name of the operation, for errors.
    fn operation(&self) -> &'static str;

    /// What the closure failed with, if it did.
    fn failure(&self) -> Option<Error>;
}

/// What a job wants done with its changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// Keep it: the closure succeeded.
    Yes,
    /// Undo it: the closure failed or panicked.
    No,
}

pub(super) struct Write<T, F> {
    pub(super) operation: &'static str,
    pub(super) closure: Option<F>,
    pub(super) outcome: Option<Result<T>>,
    pub(super) reply: oneshot::Sender<Result<T>>,
    pub(super) deadline: Instant,
    /// What its statements are called when they are slow.
    pub(super) named: Labels,
    pub(super) span: tracing::Span,
}

impl<T, F> Job for Write<T, F>
where
    T: Send,
    F: FnOnce(&mut SqliteConnection) -> Result<T> + Send,
{
    fn run(&mut self, conn: &mut SqliteConnection) -> Kept {
        let Some(closure) = self.closure.take() else { return Kept::No };
        let _entered = (self.named.enter(), self.span.enter());
        // The connection is reopened when a panic leaves it in another state than it was in.
        let outcome = catch_unwind(AssertUnwindSafe(|| closure(conn)))
            .unwrap_or_else(|panic| Err(panicked(self.operation, panic.as_ref())));
        let kept = if outcome.is_ok() { Kept::Yes } else { Kept::No };
        self.outcome = Some(outcome);
        kept
    }

    fn answer(self: Box<Self>, committed: Result<()>) {
        let answer = match (self.outcome, committed) {
            (Some(Err(own)), Ok(())) => Err(own),
            (_, Err(shared)) => Err(shared),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(Error::failed(self.operation, Failure::Other)),
        };
        // A caller that went away does not cancel what was accepted.
        drop(self.reply.send(answer));
    }

    fn expired(&self, now: Instant) -> bool {
        now >= self.deadline
    }

    fn operation(&self) -> &'static str {
        self.operation
    }

    fn failure(&self) -> Option<Error> {
        self.outcome.as_ref().and_then(|outcome| outcome.as_ref().err()).cloned()
    }
}

/// Describes a panic as the error of its caller.
pub(super) fn panicked(operation: &'static str, panic: &(dyn Any + Send)) -> Error {
    let text = panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".into());
    Error::backend(operation, Failure::Other, Message(format!("panicked: {text}")))
}
