//! Many callers with equal shares of the work, on a pool that is far smaller.

use std::time::{Duration, Instant};

use serde_json::json;
use store_core::history::{NewExecution, NewStep};
use store_core::{ExecutionId, Result};
use tokio::task::JoinSet;

use super::Stores;

/// What one process is to do.
#[derive(Debug, Clone)]
pub struct Share {
    /// The name of the process: it is part of every id.
    pub process: String,
    /// How many callers it has.
    pub callers: u32,
    /// How many times each caller writes and reads.
    pub each: u32,
}

/// Callers that begin together, with the same work, end together, if those who wait for a
/// connection get it in turn: the slowest takes at most so many times as long as the fastest.
const FAIR: u32 = 4;

/// Lets every caller do its share; says how long the fastest and the slowest of them took, and
/// whether that is fair. All begin at the same time.
///
/// # Errors
/// Those of the stores, also when a caller waited for a connection for too long.
///
/// # Panics
/// When a caller does.
pub async fn share(stores: &Stores, share: &Share) -> Result<(String, bool)> {
    let mut callers = JoinSet::new();
    let started = Instant::now();
    for caller in 0..share.callers {
        let (stores, name) = (stores.clone(), format!("share-{}-{caller}", share.process));
        let each = share.each;
        callers.spawn(async move { one(&stores, name, each).await.map(|()| started.elapsed()) });
    }
    let mut took: Vec<Duration> = Vec::new();
    while let Some(ended) = callers.join_next().await {
        took.push(ended.expect("a caller does not panic")?);
    }
    took.sort_unstable();
    let [fastest, slowest] =
        [took.first(), took.last()].map(|took| took.copied().unwrap_or_default());
    let fair = took.len() == share.callers as usize && slowest <= fastest * FAIR;
    let (process, callers) = (&share.process, share.callers);
    let says = format!("{process}: {callers} callers took {fastest:.1?} to {slowest:.1?}");
    Ok((says, fair))
}

/// Operations that share no statement with those of others.
async fn one(stores: &Stores, name: String, each: u32) -> Result<()> {
    let id = ExecutionId::new(name)?;
    stores.history.start(NewExecution::new(id.clone(), "load")).await?;
    for number in 0..each {
        let steps = vec![NewStep::new(json!(number)), NewStep::new(json!(number))];
        stores.history.append_steps(&id, steps).await?;
        stores.history.fetch_with_steps(&id).await?;
    }
    stores.history.succeed(&id).await.map(drop)
}
