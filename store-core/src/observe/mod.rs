//! One span and one set of metrics for every operation of every store.

mod current;
mod list;
mod rows;

use std::fmt;
use std::future::Future;
use std::time::Instant;

use tracing::{Instrument as _, Span};

pub use self::current::in_current_operation;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) use self::current::or_of_database;
pub(crate) use self::current::within;
#[cfg(feature = "postgres")]
pub(crate) use self::current::{current, in_operation};
pub use self::list::{METRICS, Metric, MetricKind, OUTCOMES, describe};
pub use self::rows::Rows;
use crate::Result;

/// Runs one operation of a store inside its span and records how it went.
///
/// Recorded are the fields `outcome` and `rows` of the span, and the histogram
/// `store_operation_duration_seconds{subsystem,operation,backend,outcome}`. A slow statement that
/// runs meanwhile is warned of by the name of the operation. Use it through
/// [`observed!`](crate::observed), which makes the span.
pub async fn observe<T: Rows>(
    span: Span,
    labels: Labels,
    operation: impl Future<Output = Result<T>> + Send,
) -> Result<T> {
    let started = Instant::now();
    let result = within(labels, operation).instrument(span.clone()).await;
    let outcome = match &result {
        Ok(value) => {
            span.record("rows", value.rows());
            "ok"
        }
        Err(error) => error.outcome(),
    };
    span.record("outcome", outcome);
    metrics::histogram!(
        "store_operation_duration_seconds",
        "subsystem" => labels.subsystem,
        "operation" => labels.operation,
        "backend" => labels.backend,
        "outcome" => outcome,
    )
    .record(started.elapsed().as_secs_f64());
    result
}

/// Runs one operation that only reads, as [`observe`] does: a replica may answer it, where that is
/// [asked for](crate::replica). Use it through [`observed_read!`](crate::observed_read).
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub async fn observe_read<T: Rows>(
    span: Span,
    labels: Labels,
    operation: impl Future<Output = Result<T>> + Send,
) -> Result<T> {
    observe(span, labels, crate::replica::operation(operation)).await
}

/// What an operation is called in metrics and in warnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Labels {
    /// The subsystem, such as `history`.
    pub subsystem: &'static str,
    /// The method of the trait.
    pub operation: &'static str,
    /// `sqlite` or `postgres`.
    pub backend: &'static str,
}

/// Shows `<subsystem>.<operation>`, as the span does behind `store.`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.subsystem, self.operation)
    }
}

/// Runs a future as one operation: span `store.<subsystem>.<operation>`, metrics, outcome.
///
/// ```
/// # async fn example() -> store_core::Result<Option<u8>> {
/// store_core::observed!("history", "find", "sqlite", async { Ok(Some(1)) }).await
/// # }
/// ```
#[macro_export]
macro_rules! observed {
    ($subsystem:literal, $operation:literal, $backend:literal, $future:expr) => {
        $crate::observe::observe(
            $crate::observe::info_span!(
                concat!("store.", $subsystem, ".", $operation),
                backend = $backend,
                outcome = $crate::observe::Empty,
                rows = $crate::observe::Empty
            ),
            $crate::observe::Labels {
                subsystem: $subsystem,
                operation: $operation,
                backend: $backend,
            },
            $future,
        )
    };
}

/// Runs a future as one operation that only reads, as [`observed!`](crate::observed) does: a replica
/// may answer it, where that is [asked for](crate::replica).
///
/// An operation that decides something by what it reads is not one of these, whether or not it
/// writes: a replica may be behind.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
#[macro_export]
macro_rules! observed_read {
    ($subsystem:literal, $operation:literal, $backend:literal, $future:expr) => {
        $crate::observe::observe_read(
            $crate::observe::info_span!(
                concat!("store.", $subsystem, ".", $operation),
                backend = $backend,
                outcome = $crate::observe::Empty,
                rows = $crate::observe::Empty
            ),
            $crate::observe::Labels {
                subsystem: $subsystem,
                operation: $operation,
                backend: $backend,
            },
            $future,
        )
    };
}

#[doc(hidden)]
pub use tracing::{field::Empty, info_span};
