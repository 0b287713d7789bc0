//! A lock that everybody wants, and counters of each caller's own.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};
use store_core::{Error, Result};

use super::caller::Caller;
use super::verify::Findings;

const LOCK: &str = "load";

pub(super) async fn run(caller: &Caller) -> Result<()> {
    let store = &caller.stores().workflows;
    let counter = format!("count-{}", caller.name);
    let mut count = 0;
    while caller.goes_on() {
        let ttl = Duration::from_secs(2);
        // One that was acquired without an answer expires.
        let unheard = async || Ok(Some(None));
        let call = || store.acquire_lock(LOCK, &caller.name, ttl);
        let guard = caller.settle("lock_acquire", call, unheard).await?;
        let Some(guard) = guard else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        caller.acknowledged(&json!(["lock", guard.epoch]));
        let look =
            async || Ok(Some(store.counter(&counter).await?).filter(|now| *now == count + 1));
        let call = || store.increment_counter(&counter, 1);
        let now = caller.settle("counter_increment", call, look).await?;
        if now != count + 1 {
            caller.unexpected("counter", format!("{now} after {count}"));
        }
        count += 1;
        caller.acknowledged(&json!(["counter", counter, count]));
        let released = async || Ok(Some(()));
        match caller.settle("lock_release", || store.release_lock(&guard), released).await {
            Ok(()) | Err(Error::LeaseLost { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Nobody got the epoch of another holder; counters are what was acknowledged, or one more where
/// the process was killed before it could say so.
pub(super) async fn verify(found: &Findings) -> Result<()> {
    let mut epochs = HashSet::new();
    for fact in found.all("lock") {
        found.check(epochs.insert(fact[1].as_i64()), || format!("epoch {} had two", fact[1]));
    }
    for (counter, facts) in found.by_first("counter") {
        let count = facts.iter().filter_map(|fact: &Value| fact[2].as_i64()).max().unwrap_or(0);
        let stored = found.stores.workflows.counter(&counter).await?;
        found.check(stored == count || stored == count + 1, || {
            format!("{counter} is {stored}, and {count} was acknowledged")
        });
    }
    Ok(())
}
