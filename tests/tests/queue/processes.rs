//! What holds across processes: limits, rates and unique keys.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use store_core::PageRequest;
use store_core::Timestamp;
use store_core::queue::{JobFilter, NewJob, QueueLimits, Rate};

use crate::support::{Queue, id, until};

const PER_KEY: u32 = 2;
/// More than one process of 25 can hold, so that the other gets the rest.
const MAX_LEASED: u32 = 30;
/// Enough for more at the same time than the queue allows.
const KEYS: u32 = 20;

/// 50 workers in two processes never handle more jobs of a key, or in all, than the queue allows.
async fn fifty_workers_in_two_processes_keep_to_the_limits(q: &Queue) {
    let limits = QueueLimits { per_key: Some(PER_KEY), max_leased: Some(MAX_LEASED), rate: None };
    q.store.set_queue_limits("default", limits).await.unwrap();
    let new = |number: u32| NewJob {
        concurrency_key: Some(format!("key {}", number % KEYS)),
        ..NewJob::new("gate", json!(null))
    };
    let run = |worker: &str| q.process(&["run", worker, "25", "10000"]);
    let (one, two) = (run("w1"), run("w2"));
    until("both are there", || async {
        let workers = q.store.list_workers(None, &PageRequest::first(10)).await.unwrap();
        (workers.items.len() == 2).then_some(())
    })
    .await;
    let jobs = q.enqueue_all((0..900).map(new)).await;
    for job in &jobs {
        q.ended(*job).await;
    }
    let (one, two) = tokio::join!(one.end(), two.end());
    assert!(!one.is_empty() && !two.is_empty(), "both took part");
    let inside: Vec<(u32, u32)> = one
        .iter()
        .chain(&two)
        .map(|line| serde_json::from_value(line[3].clone()).unwrap())
        .collect();
    assert_eq!(inside.len(), jobs.len());
    assert_eq!(inside.iter().map(|(of_key, _)| *of_key).max(), Some(PER_KEY));
    let most = inside.iter().map(|(_, of_all)| *of_all).max();
    assert!(most <= Some(MAX_LEASED), "{most:?}");
    for job in jobs {
        q.assert_done_once(job).await;
    }
}

/// Two processes together claim no more jobs in a window than the queue allows.
async fn two_processes_keep_to_the_rate(q: &Queue) {
    let rate = Rate { count: 20, per: Duration::from_secs(1) };
    let limits = QueueLimits { rate: Some(rate), ..QueueLimits::default() };
    q.store.set_queue_limits("default", limits).await.unwrap();
    let jobs = q.enqueue_all((0..60).map(|_| NewJob::new("record", json!(null)))).await;
    let run = |worker: &str| q.process(&["run", worker, "5", "10000"]);
    let (one, two) = (run("w1"), run("w2"));
    let mut claimed = Vec::new();
    for job in jobs {
        q.ended(job).await;
        claimed.push(q.store.job_history(job).await.unwrap()[0].started_at);
    }
    tokio::join!(one.end(), two.end());
    claimed.sort_unstable();
    for window in windows(&claimed, rate.per) {
        assert!(window <= rate.count as usize, "{window} in a window of {claimed:?}");
    }
}

/// Counts the claims of each window; one begins with the first claim after the last one.
fn windows(claimed: &[Timestamp], per: Duration) -> Vec<usize> {
    let mut counts = Vec::new();
    let mut left = claimed;
    while let [first, ..] = left {
        let ends = first.plus(per).unwrap();
        let count = left.partition_point(|at| *at < ends);
        counts.push(count);
        left = &left[count..];
    }
    counts
}

/// Of 50 that enqueue a job with the same key at once in two processes, one does.
async fn two_processes_enqueue_a_unique_job_once(q: &Queue) {
    let (mut one, mut two) =
        (q.process(&["enqueue", "late bill", "25"]), q.process(&["enqueue", "late bill", "25"]));
    for process in [&mut one, &mut two] {
        process.tells("ready").await;
    }
    tokio::join!(one.go_on(), two.go_on());
    let (mut answers, others) = tokio::join!(one.end(), two.end());
    answers.extend(others);
    assert_eq!(answers.len(), 50);
    let jobs: BTreeSet<_> = answers.iter().map(|answer| id(&answer[0])).collect();
    assert_eq!(jobs.len(), 1);
    assert_eq!(answers.iter().filter(|answer| answer[1] == "created").count(), 1);
    let page = PageRequest::first(10);
    let stored = q.store.list_jobs(&JobFilter::default(), &page).await.unwrap();
    assert_eq!(stored.items.len(), 1);
}

on_both! {
    fifty_workers_in_two_processes_keep_to_the_limits,
    two_processes_keep_to_the_rate,
    two_processes_enqueue_a_unique_job_once,
}
