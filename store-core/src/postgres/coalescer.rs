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
use tokio::sync::oneshot;

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
    /// if the caller goes away.
    ///
    /// # Errors
    /// What the statement answers for this request.
    pub async fn submit(
        &self,
        contends_on: &impl Hash,
        request: B::Request,
        bytes: usize,
    ) -> Result<B::Response> {
        let (reply, answer) = oneshot::channel();
        let lane = self.lane_of(contends_on);
        if self.enqueue(lane, Waiting { request, bytes, reply }) {
            let this = self.clone();
            tokio::spawn(async move { this.drive(lane).await });
        }
        answer.await.unwrap_or_else(|_runtime_gone| {
            Err(Error::failed(B::OPERATION, Failure::Unavailable { outcome_unknown: true }))
        })
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
        while let Some((requests, replies)) = self.next_batch(lane) {
            // A panic must not leave the lane marked as running, with nobody to run it.
            let run = AssertUnwindSafe(self.run(&requests)).catch_unwind();
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

    #[expect(clippy::type_complexity, reason = "two columns of one batch")]
    fn next_batch(
        &self,
        lane: usize,
    ) -> Option<(Vec<B::Request>, Vec<oneshot::Sender<Result<B::Response>>>)> {
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
        Some(lane.queue.drain(..count).map(|waiting| (waiting.request, waiting.reply)).unzip())
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
