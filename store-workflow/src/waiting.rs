//! Waiting for work: woken by a bell in this process, and polling behind it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use store_core::Result;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

/// How often those who wait look by themselves: other processes may not be heard.
const POLL: Duration = Duration::from_millis(500);
/// Rings that wait for a slow listener; more are one ring for any queue.
const RINGS: usize = 64;

/// What a look at the queues found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Work {
    /// Whether a job can be claimed.
    pub(crate) now: bool,
    /// In how long the next one can be.
    pub(crate) due_in: Option<Duration>,
}

/// Rings when a queue gets work, in this process.
#[derive(Debug, Clone)]
pub(crate) struct Bell(broadcast::Sender<Arc<str>>);

impl Bell {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(RINGS))
    }

    /// Rings for a queue, or for any queue when it is empty.
    pub(crate) fn ring(&self, queue: &str) {
        // Nobody has to be waiting.
        let _nobody = self.0.send(queue.into());
    }

    // parity: the bells of PostgreSQL have their own.
    /// Rings for any queue when something can be claimed that could not.
    #[cfg(feature = "sqlite")]
    pub(crate) fn ring_if(&self, woken: bool) {
        if woken {
            self.ring("");
        }
    }

    fn listen(&self) -> broadcast::Receiver<Arc<str>> {
        self.0.subscribe()
    }
}

/// Waits until `look` finds work in one of the queues.
pub(crate) async fn wait_for_work<F>(
    bell: &Bell,
    queues: &[String],
    timeout: Duration,
    look: impl Fn() -> F + Send,
) -> Result<bool>
where
    F: Future<Output = Result<Work>> + Send,
{
    let deadline = Instant::now() + timeout.min(Duration::from_secs(24 * 60 * 60));
    // Before the first look: what is rung after it is heard.
    let mut rings = bell.listen();
    loop {
        let work = look().await?;
        if work.now {
            return Ok(true);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        // Those who poll spread over the time, however they started.
        let poll = POLL.mul_f64(fastrand::f64().mul_add(0.2, 0.9));
        let pause = work.due_in.unwrap_or(poll).max(Duration::from_millis(1)).min(poll).min(left);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = heard(&mut rings, queues) => {}
        }
    }
}

/// Waits for a ring for one of the queues.
async fn heard(rings: &mut broadcast::Receiver<Arc<str>>, queues: &[String]) {
    loop {
        match rings.recv().await {
            Ok(queue) if queue.is_empty() || queues.iter().any(|one| **one == *queue) => return,
            Ok(_other) => {}
            Err(RecvError::Lagged(_)) => return,
            // The store holds the bell, and whoever waits holds the store.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn nothing() -> Work {
        Work { now: false, due_in: None }
    }

    #[tokio::test(start_paused = true)]
    async fn a_ring_for_another_queue_is_not_heard() {
        let bell = Bell::new();
        let looks = AtomicU32::new(0);
        let look = || {
            let count = looks.fetch_add(1, Ordering::SeqCst);
            async move { Ok(Work { now: count > 0, ..nothing() }) }
        };
        let queues = ["a".to_owned()];
        let wait = wait_for_work(&bell, &queues, Duration::from_secs(60), look);
        let ring = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            bell.ring("b");
            tokio::time::sleep(Duration::from_millis(10)).await;
            assert_eq!(looks.load(Ordering::SeqCst), 1);
            bell.ring("a");
        };
        let started = Instant::now();
        let (found, ()) = tokio::join!(wait, ring);
        assert!(found.unwrap());
        assert_eq!(started.elapsed(), Duration::from_millis(20));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_hears_nothing_polls_and_gives_up_in_time() {
        let bell = Bell::new();
        let looks = AtomicU32::new(0);
        let look = || {
            looks.fetch_add(1, Ordering::SeqCst);
            async { Ok(nothing()) }
        };
        let started = Instant::now();
        let found = wait_for_work(&bell, &["a".to_owned()], Duration::from_secs(5), look).await;
        assert!(!found.unwrap());
        assert_eq!(started.elapsed().as_secs(), 5);
        assert!((9..=14).contains(&looks.load(Ordering::SeqCst)), "{looks:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_comes_due_is_waited_for_no_longer_than_needed() {
        let bell = Bell::new();
        let started = Instant::now();
        let look = || async move {
            let due = Duration::from_millis(120);
            let left = due.saturating_sub(started.elapsed());
            Ok(Work { now: left.is_zero(), due_in: Some(left) })
        };
        let found = wait_for_work(&bell, &["a".to_owned()], Duration::from_secs(5), look).await;
        assert!(found.unwrap() && started.elapsed() < Duration::from_millis(125));
    }
}
