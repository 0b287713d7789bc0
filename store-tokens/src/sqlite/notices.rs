//! What caches have to forget: told after the commit, to clones of the store.

use futures_util::stream::{self, BoxStream, StreamExt as _};
use store_core::observe::in_current_operation;
use store_core::tokens::Invalidation;
use store_core::{Error, Failure, Result, TokenId};
use tokio::sync::broadcast::{self, error::RecvError};

// parity: belongs to Notices.
/// Changes that wait for a reader; one that is slower has to forget everything.
const QUEUE: usize = 1024;

// parity: PostgreSQL's server tells who listens.
/// Tells and hears which tokens were changed.
#[derive(Debug, Clone)]
pub(super) struct Notices(broadcast::Sender<Invalidation>);

// parity: belongs to Notices.
impl Notices {
    pub(super) fn new() -> Self {
        Self(broadcast::Sender::new(QUEUE))
    }
}

/// Hears from now on which tokens were changed.
pub(super) fn notices_listen(notices: &Notices) -> BoxStream<'static, Invalidation> {
    let heard = stream::unfold(notices.0.subscribe(), |mut receiver| async {
        let heard = match receiver.recv().await {
            Ok(heard) => heard,
            Err(RecvError::Lagged(_missed)) => Invalidation::All,
            Err(RecvError::Closed) => return None,
        };
        Some((heard, receiver))
    });
    heard.boxed()
}

/// Tells which tokens were changed.
pub(super) fn notices_tell(notices: &Notices, changed: impl IntoIterator<Item = TokenId>) {
    for identifier in changed {
        // Nobody may be listening.
        drop(notices.0.send(Invalidation::Token(identifier)));
    }
}

// parity: PostgreSQL tells with the commit.
/// Carries a change through although its caller may go away: what is committed is told.
pub(super) async fn carried_through<T: Send + 'static>(
    operation: &'static str,
    change: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    tokio::spawn(in_current_operation(change)).await.unwrap_or_else(|gone| {
        let failure = Failure::Unavailable { outcome_unknown: true };
        Err(Error::backend(operation, failure, gone))
    })
}
