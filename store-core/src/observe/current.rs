//! Which operation a thread is carrying out.
//!
//! Not asked of the current span: a subscriber that only takes warnings has none.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;

use tracing::Instrument as _;

use super::Labels;

thread_local! {
    static CURRENT: Cell<Option<Labels>> = const { Cell::new(None) };
}

/// Returns the operation that this thread is carrying out.
pub(crate) fn current() -> Option<Labels> {
    CURRENT.get()
}

/// Returns the operation that this thread is carrying out, or else one of the database itself.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) fn or_of_database(operation: &'static str, backend: &'static str) -> Labels {
    current().unwrap_or(Labels { subsystem: "database", operation, backend })
}

/// Runs a future as a part of an operation, on whichever thread it is polled.
pub(crate) async fn within<T>(operation: Labels, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    poll_fn(move |context| {
        let _entered = operation.enter();
        future.as_mut().poll(context)
    })
    .await
}

/// Runs a future as a part of an operation, if there is one.
pub(crate) async fn in_operation<T>(
    operation: Option<Labels>,
    future: impl Future<Output = T>,
) -> T {
    match operation {
        Some(operation) => within(operation, future).await,
        None => future.await,
    }
}

/// Makes a future go on with the operation and the span it was made in, for a task of its own.
///
/// ```
/// # async fn example() {
/// let accepted = tokio::spawn(store_core::observe::in_current_operation(async { 1 }));
/// # }
/// ```
pub fn in_current_operation<T>(future: impl Future<Output = T>) -> impl Future<Output = T> {
    in_operation(current(), future).in_current_span()
}

impl Labels {
    /// Lets this thread carry out the operation until what is returned is dropped.
    pub(crate) fn enter(self) -> Entered {
        Entered { before: CURRENT.replace(Some(self)) }
    }
}

/// Gives the thread back to the operation it carried out before.
#[must_use]
pub(crate) struct Entered {
    before: Option<Labels>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTER: Labels = Labels { subsystem: "a", operation: "outer", backend: "sqlite" };
    const INNER: Labels = Labels { subsystem: "a", operation: "inner", backend: "sqlite" };

    #[test]
    fn an_operation_inside_another_ends_before_it() {
        let outer = OUTER.enter();
        let inner = INNER.enter();
        assert_eq!(current(), Some(INNER));
        drop(inner);
        assert_eq!(current(), Some(OUTER));
        drop(outer);
        assert_eq!(current(), None);
    }

    #[tokio::test]
    async fn a_future_belongs_to_its_operation_only_while_it_is_polled() {
        let seen = within(OUTER, async {
            let before = current();
            tokio::task::yield_now().await;
            (before, current())
        });
        let mut seen = pin!(seen);
        let first = poll_fn(|context| std::task::Poll::Ready(seen.as_mut().poll(context))).await;
        assert!(first.is_pending());
        assert_eq!(current(), None);
        assert_eq!(seen.await, (Some(OUTER), Some(OUTER)));
    }

    #[tokio::test]
    async fn a_task_of_its_own_goes_on_with_the_operation() {
        let task = async { tokio::spawn(in_current_operation(async { current() })).await };
        assert_eq!(within(OUTER, task).await.unwrap(), Some(OUTER));
    }
}
