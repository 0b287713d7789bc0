//! Claims: order, queues, capabilities, and that nothing is claimed twice.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use store_core::JobId;
use store_core::queue::{ClaimRequest, DependencyCondition, Job, JobLease, JobState, NewJob};

use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    at_once, claim_of, claimed, claimed_ids, claimed_up_to, dependent, enqueued, enqueued_all,
    fetched, ids_of, job, job_of, pass, time, waiting_job,
};

behaviours! {
    emits queue_claim_tests from queue::claim;

    /// A claim gives the job and its lease, and the job shows both.
    async fn a_claim_gives_the_job_and_its_lease(t: &Workflows) {
        let job = enqueued(t, job("k")).await;
        pass(t, 5);
        let lease = Duration::from_secs(90);
        let request = ClaimRequest { lease, ..ClaimRequest::new("späße") };
        let claimed = t.store.claim_jobs(&request).await.unwrap();
        assert_eq!(claimed.len(), 1);
        let lease = JobLease {
            job_id: job.id,
            owner: "späße".into(),
            epoch: 1,
            expires_at: time("12:01:35"),
        };
        let expected = Job {
            state: JobState::Leased,
            attempt: 1,
            lease: Some(lease.clone()),
            updated_at: time("12:00:05"),
            ..job
        };
        assert_eq!((&claimed[0].job, &claimed[0].lease), (&expected, &lease));
        assert_eq!(fetched(t, expected.id).await, expected);
    }

    /// Jobs that another process puts before those that were claimed last are found, given back or
    /// new.
    async fn jobs_that_come_to_lie_before_claimed_ones_are_found(t: &Workflows) {
        let other = t.reopened().await;
        enqueued_all(t, (0..3).map(|_| job("k")).collect()).await;
        let before = claimed_up_to(t, "w", 2).await;
        other.release_job(&before[0].lease).await.unwrap();
        let early = NewJob { run_at: Some(time("11:00:00")), ..job("k") };
        let early = other.enqueue(early).await.unwrap().job.id;
        let found = ids_of(&claimed_up_to(t, "w", 10).await);
        assert_eq!(found.len(), 3);
        assert_eq!(found[..2], [early, before[0].job.id]);
    }

    /// Jobs are claimed by priority, then by their time, then by id.
    async fn jobs_are_claimed_by_priority_then_time_then_id(t: &Workflows) {
        let new = |priority, run_at| NewJob { priority, run_at: Some(run_at), ..job("k") };
        let (early, late) = (time("11:00:00"), time("11:59:59"));
        // In the order in which they are expected.
        let jobs = vec![
            new(0, late), new(0, late), new(1, early), new(50, early), new(50, early),
            new(50, late), new(100, early), new(100, early), new(100, late),
        ];
        let expected: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
        for index in [4, 0, 8, 2, 6, 1, 7, 3, 5] {
            enqueued(t, jobs[index].clone()).await;
        }
        let mut seen = ids_of(&claimed_up_to(t, "a", 4).await);
        seen.extend(ids_of(&claimed_up_to(t, "b", 1).await));
        seen.extend(ids_of(&claimed_up_to(t, "c", 1000).await));
        assert_eq!(seen, expected);
    }

    /// A claim of several queues is ordered as if they were one.
    async fn several_queues_are_claimed_as_one(t: &Workflows) {
        let new = |queue: &str, priority| NewJob { priority, ..job_of(queue, "k") };
        let jobs = [("b", 3), ("a", 1), ("c", 2), ("a", 4), ("b", 0), ("other", 0)]
            .map(|(queue, priority)| new(queue, priority));
        for job in &jobs {
            enqueued(t, job.clone()).await;
        }
        let queues = ["c", "a", "b", "a", "unknown"].map(String::from).to_vec();
        let request = ClaimRequest { queues, ..ClaimRequest::new("w").limit(4) };
        let first = ids_of(&t.store.claim_jobs(&request).await.unwrap());
        assert_eq!(first, [4, 1, 2, 0].map(|index: usize| jobs[index].id));
        let rest = ids_of(&t.store.claim_jobs(&request).await.unwrap());
        assert_eq!(rest, [jobs[3].id]);
        assert_eq!(fetched(t, jobs[5].id).await.state, JobState::Available);
    }

    /// A worker gets the jobs whose every capability it has.
    async fn a_worker_needs_every_capability_of_a_job(t: &Workflows) {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let new = |needs: &[&str]| NewJob { capabilities: words(needs), ..job("k") };
        let needs = [&[][..], &["gpu"], &["gpu", "it's"], &["it's"], &["GPU"], &["gpu", "gpu"]];
        let jobs = needs.map(new);
        for job in &jobs {
            enqueued(t, job.clone()).await;
        }
        let claim = async |has: &[&str]| {
            let capabilities = words(has);
            let request = ClaimRequest { capabilities, ..ClaimRequest::new("w").limit(1000) };
            ids_of(&t.store.claim_jobs(&request).await.unwrap())
        };
        assert_eq!(claim(&["späße"]).await, [jobs[0].id]);
        assert!(claim(&[]).await.is_empty());
        assert_eq!(claim(&["more", "gpu"]).await, [jobs[1].id, jobs[5].id]);
        assert_eq!(claim(&["it's", "gpu", "gpu"]).await, [jobs[2].id, jobs[3].id]);
        assert_eq!(claim(&["GPU"]).await, [jobs[4].id]);
    }

    /// A job a worker is not able to do does not hide the ones behind it.
    async fn jobs_for_others_do_not_hide_those_behind_them(t: &Workflows) {
        let gpu = |_| NewJob {
            capabilities: vec!["gpu".into()], priority: 0, ..job("gpu")
        };
        enqueued_all(t, (0..300).map(gpu).collect()).await;
        let plain = enqueued(t, job("plain")).await.id;
        assert_eq!(claimed_ids(t).await, [plain]);
    }

    /// A claim takes at most as many jobs as it asks for, and none twice.
    async fn a_claim_takes_at_most_its_limit(t: &Workflows) {
        let jobs = enqueued_all(t, (0..25).map(|_| job("k")).collect()).await;
        let mut seen = Vec::new();
        for expected in [10, 10, 5, 0] {
            let claimed = claimed_up_to(t, "w", 10).await;
            assert_eq!(claimed.len(), expected);
            seen.extend(ids_of(&claimed));
        }
        assert_eq!(seen, jobs.iter().map(|job| job.id).collect::<Vec<_>>());
    }

    /// A job that is given back and claimed again has the next attempt and a higher epoch.
    async fn attempt_and_epoch_grow_with_each_claim(t: &Workflows) {
        enqueued(t, job("k")).await;
        let mut last = 0;
        for attempt in 1..=4 {
            let claimed = claimed(t, "w").await;
            assert_eq!(claimed.job.attempt, attempt);
            assert!(claimed.lease.epoch > last);
            last = claimed.lease.epoch;
            let now = store_core::queue::Retry::At(time("12:00:00"));
            t.store.fail_job(&claimed.lease, "boom", now).await.unwrap();
        }
    }

    /// A scheduled job can be claimed from its instant on.
    async fn a_scheduled_job_can_be_claimed_when_its_time_comes(t: &Workflows) {
        let new = NewJob { run_at: Some(time("12:00:10")), ..job("timer") };
        let id = enqueued(t, new).await.id;
        assert!(claimed_ids(t).await.is_empty());
        t.clock.set(store_core::Timestamp::from_micros(time("12:00:10").as_micros() - 1).unwrap());
        assert!(claimed_ids(t).await.is_empty());
        t.clock.set(time("12:00:10"));
        assert_eq!(claimed_ids(t).await, [id]);
    }

    /// Scheduled jobs whose time came are claimed among the others by priority and time.
    async fn due_jobs_take_their_place_in_the_order(t: &Workflows) {
        let timer = |priority, at: &str| NewJob {
            priority, run_at: Some(time(at)), ..job("timer")
        };
        let urgent = enqueued(t, timer(10, "12:00:30")).await.id;
        let equal = enqueued(t, timer(50, "12:00:20")).await.id;
        let future = enqueued(t, timer(0, "12:02:00")).await.id;
        let plain = enqueued(t, job("plain")).await.id;
        t.clock.set(time("12:01:00"));
        assert_eq!(claimed_ids(t).await, [urgent, plain, equal]);
        assert_eq!(fetched(t, future).await.state, JobState::Scheduled);
    }

    /// Many scheduled jobs that come due at once can all be claimed.
    async fn many_due_jobs_can_all_be_claimed(t: &Workflows) {
        let timer = |_| NewJob { run_at: Some(time("12:00:30")), ..job("timer") };
        let jobs = enqueued_all(t, (0..1000).map(timer).collect()).await;
        t.clock.set(time("12:00:30"));
        let mut claimed = BTreeSet::new();
        // A claim may look at a part of them only, but never at none.
        loop {
            let ids = claimed_ids(t).await;
            if ids.is_empty() {
                break;
            }
            claimed.extend(ids);
        }
        assert_eq!(claimed.len(), jobs.len());
    }

    /// Blocked, leased and finished jobs are not claimed.
    async fn only_available_jobs_are_claimed(t: &Workflows) {
        let parent = enqueued(t, job("parent")).await.id;
        enqueued(t, dependent(&[parent], DependencyCondition::Any)).await;
        enqueued(t, waiting_job("e")).await;
        let cancelled = enqueued(t, job("cancelled")).await.id;
        t.store.cancel_job(cancelled, "r").await.unwrap();
        assert_eq!(claimed_ids(t).await, [parent]);
        assert!(claimed_ids(t).await.is_empty());
    }

    /// A queue that is paused gives nothing until it is resumed; others go on.
    async fn a_paused_queue_gives_nothing(t: &Workflows) {
        let paused = enqueued(t, job_of("a", "k")).await.id;
        let open = enqueued(t, job_of("b", "k")).await.id;
        t.store.pause_queue("a").await.unwrap();
        let queues = vec!["a".into(), "b".into()];
        let request = ClaimRequest { queues, ..ClaimRequest::new("w").limit(10) };
        for store in [t.store.clone(), t.reopened().await] {
            assert!(store.claim_jobs(&claim_of("a", "w", 10)).await.unwrap().is_empty());
        }
        assert_eq!(ids_of(&t.store.claim_jobs(&request).await.unwrap()), [open]);
        t.store.resume_queue("a").await.unwrap();
        assert_eq!(ids_of(&t.store.claim_jobs(&request).await.unwrap()), [paused]);
    }

    /// Of 32 that claim at once from two handles no two get the same job, and all are given.
    async fn concurrent_claims_get_different_jobs(t: &Workflows) {
        let jobs = enqueued_all(t, (0..400).map(|_| job("k")).collect()).await;
        let answers = at_once(t, 32, |number, store| async move {
            let limit = if number.is_multiple_of(3) { 1 } else { 7 };
            let request = ClaimRequest::new(format!("worker {number}")).limit(limit);
            let (mut mine, mut misses) = (Vec::new(), 0);
            while misses < 2 {
                let claimed = store.claim_jobs(&request).await.unwrap();
                misses += usize::from(claimed.is_empty());
                mine.extend(claimed);
            }
            mine
        })
        .await;
        let mut claimed: Vec<_> = answers.into_iter().flatten().collect();
        // What a claim passed over because another one was just taking it.
        claimed.extend(claimed_up_to(t, "rest", 1000).await);
        assert!(claimed.iter().all(|one| (one.job.attempt, one.lease.epoch) == (1, 1)));
        assert_eq!(claimed.len(), jobs.len());
        let distinct: BTreeSet<JobId> = ids_of(&claimed).into_iter().collect();
        assert_eq!(distinct.len(), jobs.len());
    }

    /// Concurrent claims by priority leave no urgent job behind.
    async fn concurrent_claims_take_the_urgent_jobs_first(t: &Workflows) {
        let urgent = |number: usize| NewJob {
            priority: if number.is_multiple_of(2) { 0 } else { 90 },
            payload: json!(number),
            ..job("k")
        };
        enqueued_all(t, (0..64).map(urgent).collect()).await;
        let claimed: Vec<_> = at_once(t, 8, |number, store| async move {
            let request = ClaimRequest::new(format!("worker {number}")).limit(2);
            store.claim_jobs(&request).await.unwrap()
        })
        .await
        .into_iter()
        .flatten()
        .collect();
        assert!(claimed.len() <= 16);
        assert!(claimed.iter().all(|one| one.job.priority == 0), "{claimed:?}");
    }
}
