//! Calls that wait at the same time go out as one statement.
//!
//! A request goes to the lane of the row it contends on. A lane that is idle runs it at once, with
//! no timer and no added latency; whatever arrives meanwhile is the lane's next batch. This is the
//! counterpart of the SQLite writer's group commit.

use std::collections::VecDeque;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::observe::{Labels, current, in_operation};
use crate::{Error, Failure, Result};

/// The most requests one statement carries …
const BATCH_REQUESTS: usize = 64;
/// … and the most bytes, once it carries one.
const BATCH_BYTES: usize = 1024 * 1024;
/// More lanes hold more connections and make smaller batches; two keep both cores of a commit busy.
const LANES: usize = 2;

/// The statement that requests share.
#[async_trait]
pub trait Batch: Send + Sync + 'static {
    /// What a caller asks for.
    type Request: Send + Sync + 'static;
    /// What it gets.
    type Response: Send + 'static;

    /// The operation, for errors.
    const OPERATION: &'static str;

    /// Whether requests only read. One that finds its lane idle is then run by its caller, which
    /// saves two changes of the task, and ends when the caller goes away.
    const READS: bool = false;

    /// Carries out the requests, all of them in one statement, and answers each in its place.
    ///
    /// What fails for one request fails in its place alone. An error of the whole means that
    /// nothing was changed, unless it says that the outcome is unknown; the requests are then
    /// run again one by one, each as a batch of its own.
    async fn run(&self, requests: &[Self::Request]) -> Result<Vec<Result<Self::Response>>>;
}

struct Waiting<B: Batch> {
    request: B::Request,
    bytes: usize,
    operation: Option<Labels>,
    reply: oneshot::Sender<Result<B::Response>>,
}

struct Lane<B: Batch> {
    queue: VecDeque<Waiting<B>>,
    running: bool,
}

/// Groups requests into batches. Clones share the lanes.
pub struct Coalescer<B: Batch> {
    batch: Arc<B>,
    lanes: Arc<[Mutex<Lane<B>>; LANES]>,
}

impl<B: Batch> Clone for Coalescer<B> {
    fn clone(&self) -> Self {
        Self { batch: Arc::clone(&self.batch), lanes: Arc::clone(&self.lanes) }
    }
}

impl<B: Batch> fmt::Debug for Coalescer<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coalescer").field("operation", &B::OPERATION).finish_non_exhaustive()
    }
}

impl<B: Batch> Coalescer<B> {
    /// Makes a coalescer over one statement.
    pub fn new(batch: B) -> Self {
        let lane = || Mutex::new(Lane { queue: VecDeque::new(), running: false });
        Self { batch: Arc::new(batch), lanes: Arc::new([lane(), lane()]) }
    }

    /// Carries out a request with whatever else waits in its lane.
    ///
    /// `contends_on` is the row it locks, `bytes` its size. Once accepted it is carried out, even
    /// if the caller goes away, unless requests [only read](Batch::READS).
    ///
    /// # Errors
    /// What the statement answers for this request.
    pub async fn submit(
        &self,
        contends_on: &impl Hash,
        request: B::Request,
        bytes: usize,
    ) -> Result<B::Response> {
        let lane = self.lane_of(contends_on);
        if B::READS
            && let Some(turn) = self.turn(lane)
        {
            // By the primary, as the others of the lane: those run in a task of its own, where what
            // their callers asked for is not known.
            let answer = crate::replica::primary(self.run(&[request])).await.pop();
            drop(turn);
            return answer.unwrap_or_else(|| Err(Error::failed(B::OPERATION, Failure::Other)));
        }
        let (reply, answer) = oneshot::channel();
        if self.enqueue(lane, Waiting { request, bytes, operation: current(), reply }) {
            let this = self.clone();
            tokio::spawn(async move { this.drive(lane).await });
        }
        answer.await.unwrap_or_else(|_runtime_gone| {
            Err(Error::failed(B::OPERATION, Failure::Unavailable { outcome_unknown: true }))
        })
    }

    /// Takes an idle lane, until the turn is dropped.
    fn turn(&self, lane: usize) -> Option<Turn<'_, B>> {
        let mut idle = self.lanes[lane].lock().unwrap_or_else(PoisonError::into_inner);
        let taken = std::mem::replace(&mut idle.running, true);
        // Lazily: a turn that is dropped gives the lane back.
        (!taken).then(|| Turn { coalescer: self, lane })
    }

    fn lane_of(&self, contends_on: &impl Hash) -> usize {
        let mut hasher = DefaultHasher::new();
        contends_on.hash(&mut hasher);
        usize::try_from(hasher.finish() % LANES as u64).unwrap_or(0)
    }

    /// Puts a request into its lane; returns whether the lane has to be started.
    fn enqueue(&self, lane: usize, waiting: Waiting<B>) -> bool {
        let mut lane = self.lanes[lane].lock().unwrap_or_else(PoisonError::into_inner);
        lane.queue.push_back(waiting);
        !std::mem::replace(&mut lane.running, true)
    }

    /// Runs a lane until nobody waits in it.
    async fn drive(&self, lane: usize) {
        while let Some((requests, replies, named)) = self.next_batch(lane) {
            // A panic must not leave the lane marked as running, with nobody to run it.
            let run = AssertUnwindSafe(in_operation(named, self.run(&requests))).catch_unwind();
            let answers = run.await.unwrap_or_else(|_panic| {
                let error = Error::failed(B::OPERATION, Failure::Other);
                requests.iter().map(|_| Err(error.clone())).collect()
            });
            for (reply, answer) in replies.into_iter().zip(answers) {
                // A caller that went away does not cancel what was accepted.
                drop(reply.send(answer));
            }
        }
    }

    #[expect(clippy::type_complexity, reason = "two columns of one batch, and its name")]
    fn next_batch(
        &self,
        lane: usize,
    ) -> Option<(Vec<B::Request>, Vec<oneshot::Sender<Result<B::Response>>>, Option<Labels>)> {
        let mut lane = self.lanes[lane].lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = 0;
        let mut count = 0;
        for waiting in lane.queue.iter().take(BATCH_REQUESTS) {
            bytes += waiting.bytes;
            if count > 0 && bytes > BATCH_BYTES {
                break;
            }
            count += 1;
        }
        if count == 0 {
            lane.running = false;
            return None;
        }
        let named =
            shared_name::<B>(lane.queue.iter().take(count).map(|waiting| waiting.operation));
        let batch = lane.queue.drain(..count).map(|waiting| (waiting.request, waiting.reply));
        let (requests, replies) = batch.unzip();
        Some((requests, replies, named))
    }

    async fn run(&self, requests: &[B::Request]) -> Vec<Result<B::Response>> {
        let whole = match self.batch.run(requests).await {
            Ok(answers) => return answers,
            Err(error) => error,
        };
        let unknown = matches!(
            whole.failure(),
            Some(Failure::Unavailable { .. } | Failure::PoolExhausted { .. })
        );
        if requests.len() == 1 || unknown {
            return requests.iter().map(|_| Err(whole.clone())).collect();
        }
        let mut answers = Vec::with_capacity(requests.len());
        for request in requests.chunks(1) {
            answers.push(match self.batch.run(request).await {
                Ok(mut one) if one.len() == 1 => one.remove(0),
                Ok(_) => Err(Error::failed(B::OPERATION, Failure::Other)),
                Err(error) => Err(error),
            });
        }
        answers
    }
}

/// What a statement of several callers is called: as their operation if it is the same, else as what
/// they share.
fn shared_name<B: Batch>(mut of: impl Iterator<Item = Option<Labels>>) -> Option<Labels> {
    let first = of.next()??;
    let shared = Labels { operation: B::OPERATION, ..first };
    Some(if of.all(|other| other == Some(first)) { first } else { shared })
}

/// A lane that a caller runs by itself. Whoever came meanwhile is served afterwards, also when the
/// caller went away.
struct Turn<'a, B: Batch> {
    coalescer: &'a Coalescer<B>,
    lane: usize,
}

impl<B: Batch> Drop for Turn<'_, B> {
    fn drop(&mut self) {
        let (this, lane) = (self.coalescer, self.lane);
        let mut left = this.lanes[lane].lock().unwrap_or_else(PoisonError::into_inner);
        // Without a runtime nobody waits; who comes later starts the lane.
        let runtime = Handle::try_current().ok().filter(|_| !left.queue.is_empty());
        left.running = runtime.is_some();
        if let Some(runtime) = runtime {
            let this = this.clone();
            drop(runtime.spawn(async move { this.drive(lane).await }));
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::*;
    use crate::replica;

    /// Answers with what was asked, as often as it is let through a gate.
    struct Echo {
        gate: Semaphore,
    }

    #[async_trait]
    impl Batch for Echo {
        type Request = u32;
        type Response = u32;

        const OPERATION: &'static str = "echo";
        const READS: bool = true;

        async fn run(&self, requests: &[u32]) -> Result<Vec<Result<u32>>> {
            let permit = self.gate.acquire().await;
            permit.map_err(|_closed| Error::failed("echo", Failure::Other))?.forget();
            Ok(requests.iter().copied().map(Ok).collect())
        }
    }

    #[tokio::test]
    async fn a_reader_that_goes_away_leaves_its_lane_to_those_who_came_meanwhile() {
        let echoes = Coalescer::new(Echo { gate: Semaphore::new(0) });
        let first = echoes.submit(&1, 10, 1);
        let second = echoes.submit(&1, 20, 1);
        let mut first = Box::pin(first);
        let mut second = Box::pin(second);
        assert!((&mut first).now_or_never().is_none());
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        echoes.batch.gate.add_permits(1);
        assert_eq!(second.await.unwrap(), 20);
    }

    /// Answers whether a replica may be asked.
    struct Asks;

    #[async_trait]
    impl Batch for Asks {
        type Request = ();
        type Response = bool;

        const OPERATION: &'static str = "asks";
        const READS: bool = true;

        async fn run(&self, requests: &[()]) -> Result<Vec<Result<bool>>> {
            Ok(requests.iter().map(|()| Ok(replica::allowed().is_some())).collect())
        }
    }

    #[tokio::test]
    async fn a_reader_that_asks_for_a_replica_does_not_decide_for_its_lane() {
        let asks = Coalescer::new(Asks);
        let operation = async {
            replica::operation(async {
                assert!(replica::allowed().is_some());
                asks.submit(&1, (), 1).await.unwrap()
            })
            .await
        };
        assert!(!replica::from_replica(replica::Freshness::Any, operation).await);
    }

    #[test]
    fn a_statement_of_several_operations_is_called_by_what_they_share() {
        let named = |operation| Some(Labels { subsystem: "a", operation, backend: "postgres" });
        let name = |of: &[Option<Labels>]| shared_name::<Echo>(of.iter().copied());
        assert_eq!(name(&[named("put"), named("put")]), named("put"));
        assert_eq!(name(&[named("put"), named("add")]), named("echo"));
        assert_eq!(name(&[named("put"), None]), named("echo"));
        assert_eq!(name(&[None, named("put")]), None);
    }

    #[tokio::test]
    async fn a_reader_alone_leaves_its_lane_idle() {
        let echoes = Coalescer::new(Echo { gate: Semaphore::new(3) });
        for asked in 0..3 {
            assert_eq!(echoes.submit(&1, asked, 1).await.unwrap(), asked);
        }
        let lane = echoes.lane_of(&1);
        assert!(!echoes.lanes[lane].lock().unwrap().running);
    }
}
