//! What a task has asked for, and what of it applies where it is.

use std::future::Future;
#[cfg(feature = "postgres")]
use std::sync::Arc;
#[cfg(feature = "postgres")]
use std::sync::atomic::{AtomicBool, Ordering};

use super::Freshness;

/// Reads from a replica are narrowed down on the way: a caller asks, an operation that only reads
/// allows it, and one attempt of its reads makes use of it. Everything else stays with the primary,
/// whatever is called within.
#[derive(Debug, Clone)]
enum Scope {
    /// Not from a replica, whatever is outside.
    #[cfg(feature = "postgres")]
    Primary,
    /// The caller asked.
    Asked(Freshness),
    /// An operation that only reads has begun.
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "SQLite has no replica"))]
    Allowed(Freshness),
    /// A read is tried with the replica.
    #[cfg(feature = "postgres")]
    Attempted(Attempt),
}

tokio::task_local! {
    static SCOPE: Option<Scope>;
}

/// Runs a future whose reads may be answered by a replica that is recent enough.
///
/// It returns what the future returns. Writes in it go to the primary; the [module](super) says
/// what else does, and when. A scope within another replaces it.
pub fn from_replica<F: Future>(freshness: Freshness, future: F) -> impl Future<Output = F::Output> {
    SCOPE.scope(Some(Scope::Asked(freshness)), future)
}

/// Runs an operation that only reads: what was asked for applies to it.
pub(crate) fn operation<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let scope = match current() {
        Some(Scope::Asked(freshness)) => Some(Scope::Allowed(freshness)),
        other => other,
    };
    SCOPE.scope(scope, future)
}

fn current() -> Option<Scope> {
    SCOPE.try_with(Clone::clone).ok().flatten()
}

/// One attempt to read from a replica.
#[cfg(feature = "postgres")]
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) freshness: Freshness,
    handed_out: Arc<AtomicBool>,
}

#[cfg(feature = "postgres")]
impl Attempt {
    pub(crate) fn new(freshness: Freshness) -> Self {
        Self { freshness, handed_out: Arc::default() }
    }

    /// Runs the attempt: who takes a connection in it is told so.
    pub(crate) fn scope<F: Future>(&self, future: F) -> impl Future<Output = F::Output> {
        SCOPE.scope(Some(Scope::Attempted(self.clone())), future)
    }

    /// Notes that a connection to the replica was handed out.
    pub(crate) fn hand_out(&self) {
        self.handed_out.store(true, Ordering::Relaxed);
    }

    /// Tells whether one was.
    pub(crate) fn was_handed_out(&self) -> bool {
        self.handed_out.load(Ordering::Relaxed)
    }
}

/// Returns what a read may do here: an operation that only reads was asked to.
#[cfg(feature = "postgres")]
pub(crate) fn allowed() -> Option<Freshness> {
    match current() {
        Some(Scope::Allowed(freshness)) => Some(freshness),
        _ => None,
    }
}

/// Returns the attempt that a connection is taken for here.
#[cfg(feature = "postgres")]
pub(crate) fn attempted() -> Option<Attempt> {
    match current() {
        Some(Scope::Attempted(attempt)) => Some(attempt),
        _ => None,
    }
}

/// Runs a future that works for others than the caller, whatever that one asked for.
#[cfg(feature = "postgres")]
pub(crate) fn primary<F: Future>(future: F) -> impl Future<Output = F::Output> {
    SCOPE.scope(Some(Scope::Primary), future)
}
