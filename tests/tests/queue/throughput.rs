//! Many jobs through four processes.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::json;
use store_core::queue::{JobFilter, JobState, NewJob};
use store_core::{JobId, PageRequest};

use crate::support::{Queue, id};

/// How many jobs go through, when nothing else is asked for.
const ON_SQLITE: usize = 10_000;
const ON_POSTGRES: usize = 20_000;

fn number(of_backend: usize) -> usize {
    match std::env::var("STORE_TEST_QUEUE_JOBS") {
        Ok(number) => number.parse().expect("STORE_TEST_QUEUE_JOBS is a number"),
        Err(_unset) => of_backend,
    }
}

/// The attempts and the effects of each job.
type Effects = BTreeMap<JobId, u32>;

/// Each job is handled once, and its end is stored once.
async fn every_job_takes_effect_once(q: &Queue, number: usize) {
    let jobs = (0..number).map(|_| NewJob::new("record", json!(null)));
    let begun = Instant::now();
    let jobs = q.enqueue_all(jobs).await;
    let enqueued = begun.elapsed();
    let drain = |worker: &'static str| async move {
        q.process(&["drain", worker, "50", "30000"]).end().await
    };
    let begun = Instant::now();
    let (one, two, three, four) = tokio::join!(drain("w1"), drain("w2"), drain("w3"), drain("w4"));
    let took = begun.elapsed();
    eprintln!("{number} jobs: enqueued in {enqueued:.1?}, carried out in {took:.1?}");

    let mut effects: Effects = jobs.iter().map(|job| (*job, 0)).collect();
    for line in [one, two, three, four].iter().flatten() {
        assert_eq!(line[2], 1, "the first lease of the job");
        *effects.get_mut(&id(&line[1])).expect("a job that was enqueued") += 1;
    }
    assert!(effects.values().all(|count| *count == 1), "each is handled once");
    assert_eq!(stored(q, &mut effects).await, number);
    assert!(effects.values().all(|count| *count == 2), "each is stored as done");
}

/// Counts the jobs that succeeded, each at its first attempt.
async fn stored(q: &Queue, effects: &mut Effects) -> usize {
    let filter = JobFilter { states: vec![JobState::Succeeded], ..JobFilter::default() };
    let mut page = PageRequest::first(1000);
    let mut count = 0;
    loop {
        let answer = q.store.list_jobs(&filter, &page).await.unwrap();
        count += answer.items.len();
        for job in answer.items {
            assert_eq!(job.attempt, 1);
            *effects.get_mut(&job.id).expect("a job that was enqueued") += 1;
        }
        let Some(next) = answer.next else { return count };
        page = PageRequest::first(1000).after(next);
    }
}

async fn many_jobs_through_four_processes_take_effect_once(q: &Queue) {
    let of_backend = if q.is_sqlite() { ON_SQLITE } else { ON_POSTGRES };
    every_job_takes_effect_once(q, number(of_backend)).await;
}

on_both! { many_jobs_through_four_processes_take_effect_once }
