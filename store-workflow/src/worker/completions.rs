use std::sync::Arc;

use store_core::queue::{Completion, JobState};
use store_core::{Error, Result};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;

use super::Shared;
use super::retry::{Answer, Backoff, Verdict, judge};

/// The most completions that one call takes.
const BATCH_MAX: usize = 1000;

/// An attempt that did its job, and who waits until that is stored.
pub(super) struct Done {
    pub(super) completion: Completion,
    outcome_unknown: bool,
    answer: oneshot::Sender<Answer>,
}

impl Done {
    pub(super) fn new(completion: Completion) -> (Self, oneshot::Receiver<Answer>) {
        let (answer, answered) = oneshot::channel();
        (Self { completion, outcome_unknown: false, answer }, answered)
    }
}

/// Stores completions. Those that come while a call is under way go out together with the next.
pub(super) async fn store_all(shared: Arc<Shared>, mut waiting: UnboundedReceiver<Done>) {
    loop {
        let mut batch = Vec::new();
        if waiting.recv_many(&mut batch, BATCH_MAX).await == 0 {
            return;
        }
        // Handlers that are about to end get the chance to come along.
        tokio::task::yield_now().await;
        while batch.len() < BATCH_MAX
            && let Ok(done) = waiting.try_recv()
        {
            batch.push(done);
        }
        store_batch(&shared, batch).await;
    }
}

async fn store_batch(shared: &Shared, batch: Vec<Done>) {
    let mut backoff = Backoff::of_database();
    let mut batches = vec![batch];
    while let Some(batch) = batches.pop() {
        let completions: Vec<_> = batch.iter().map(|done| done.completion.clone()).collect();
        let answers = match shared.store.complete_jobs(completions).await {
            // One of them is refused, and all with it: who it is shows when each goes alone.
            Err(Error::Invalid { .. }) if batch.len() > 1 => {
                batches.extend(batch.into_iter().map(|done| vec![done]));
                continue;
            }
            Err(error) => vec![Err(error); batch.len()],
            Ok(answers) => answers,
        };
        let again = settle(shared, batch, answers);
        if !again.is_empty() {
            tokio::time::sleep(backoff.pause()).await;
            batches.push(again);
        }
    }
}

/// Hands out the answers, and returns what has to be sent again.
fn settle(shared: &Shared, batch: Vec<Done>, answers: Vec<Result<JobState>>) -> Vec<Done> {
    let mut again = Vec::new();
    let mut settled = Vec::new();
    for (mut done, answer) in batch.into_iter().zip(answers) {
        let run_out = shared.held.has_run_out(&done.completion.lease);
        match judge(answer, done.outcome_unknown, run_out) {
            Verdict::Final(answer) => settled.push((done, answer)),
            Verdict::Again { outcome_unknown } => {
                done.outcome_unknown = outcome_unknown;
                again.push(done);
            }
        }
    }
    // Of a completion that was refused the attempt is yet to end.
    let over = settled.iter().filter(|(_, answer)| !matches!(answer, Answer::Failed(_)));
    shared.held.remove(over.map(|(done, _)| &done.completion.lease));
    for (done, answer) in settled {
        // An attempt that was dropped meanwhile does not wait.
        drop(done.answer.send(answer));
    }
    again
}
