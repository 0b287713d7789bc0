//! The limits of queues: how many jobs are leased at once, and how often jobs are claimed.

use std::collections::HashMap;
use std::time::Duration;

use store_core::JobId;
use store_core::queue::{ClaimRequest, NewJob, QueueLimits, Rate, Retry};

use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{
    at_once, claim_of, claimed, claimed_ids, claimed_up_to, enqueued, enqueued_all, ids_of, job,
    job_of, pass, time,
};

const NONE: QueueLimits = QueueLimits { max_leased: None, per_key: None, rate: None };

/// A job with a concurrency key.
fn of_key(key: &str) -> NewJob {
    NewJob { concurrency_key: Some(key.to_owned()), ..job("k") }
}

async fn limit(t: &Workflows, queue: &str, limits: QueueLimits) {
    t.store.set_queue_limits(queue, limits).await.unwrap();
}

async fn plain_jobs(t: &Workflows, count: usize) -> Vec<JobId> {
    let jobs = enqueued_all(t, (0..count).map(|_| job("k")).collect()).await;
    jobs.into_iter().map(|job| job.id).collect()
}

/// So many claims in so many milliseconds.
fn rate(count: u32, millis: u64) -> QueueLimits {
    QueueLimits { rate: Some(Rate { count, per: Duration::from_millis(millis) }), ..NONE }
}

behaviours! {
    emits queue_limits_tests from queue::limits;

    /// At most `max_leased` jobs of a queue are leased, whoever claims them.
    async fn at_most_max_leased_jobs_are_leased(t: &Workflows) {
        let jobs = plain_jobs(t, 5).await;
        limit(t, "default", QueueLimits { max_leased: Some(3), ..NONE }).await;
        assert_eq!(ids_of(&claimed_up_to(t, "a", 2).await), jobs[..2]);
        assert_eq!(ids_of(&claimed_up_to(t, "b", 2).await), jobs[2..3]);
        let other = t.reopened().await;
        assert!(other.claim_jobs(&ClaimRequest::new("c")).await.unwrap().is_empty());
    }

    /// A job that ends in whatever way makes room for the next one.
    async fn a_job_that_ends_makes_room(t: &Workflows) {
        let jobs = plain_jobs(t, 7).await;
        limit(t, "default", QueueLimits { max_leased: Some(1), ..NONE }).await;
        let (store, later) = (&t.store, time("13:00:00"));
        for (number, id) in jobs[..6].iter().enumerate() {
            let claimed = claimed(t, "w").await;
            assert_eq!(claimed.job.id, *id);
            assert!(claimed_ids(t).await.is_empty());
            let lease = &claimed.lease;
            match number {
                0 => store.complete_job(lease, None).await.unwrap(),
                1 => store.fail_job(lease, "boom", Retry::Never).await.unwrap(),
                2 => store.fail_job(lease, "boom", Retry::At(later)).await.unwrap(),
                3 => store.snooze_job(lease, later).await.unwrap(),
                4 => store.wait_for_event(lease, "e").await.unwrap(),
                _ => {
                    store.cancel_job(*id, "r").await.unwrap();
                    store.release_job(lease).await.unwrap()
                }
            };
        }
        assert_eq!(claimed_ids(t).await, jobs[6..]);
    }

    /// A lease that ran out counts until it is reaped.
    async fn a_lease_that_ran_out_counts_until_it_is_reaped(t: &Workflows) {
        let jobs = plain_jobs(t, 2).await;
        limit(t, "default", QueueLimits { max_leased: Some(1), ..NONE }).await;
        claimed(t, "w").await;
        pass(t, 3600);
        assert!(claimed_ids(t).await.is_empty());
        assert_eq!(t.store.reap_jobs(10).await.unwrap().requeued, 1);
        assert_eq!(claimed_ids(t).await, jobs[..1]);
    }

    /// Jobs that are leased stay so when the limit is lowered below them.
    async fn a_lower_limit_takes_no_lease_away(t: &Workflows) {
        plain_jobs(t, 4).await;
        let leased = claimed_up_to(t, "w", 3).await;
        limit(t, "default", QueueLimits { max_leased: Some(2), ..NONE }).await;
        assert!(claimed_ids(t).await.is_empty());
        t.store.complete_job(&leased[0].lease, None).await.unwrap();
        assert!(claimed_ids(t).await.is_empty());
        t.store.complete_job(&leased[1].lease, None).await.unwrap();
        assert_eq!(claimed_ids(t).await.len(), 1);
    }

    /// Limits that are set replace all that were set before.
    async fn limits_replace_those_before(t: &Workflows) {
        plain_jobs(t, 9).await;
        limit(t, "default", QueueLimits { max_leased: Some(1), ..NONE }).await;
        assert_eq!(claimed_ids(t).await.len(), 1);
        limit(t, "default", QueueLimits { max_leased: Some(4), ..NONE }).await;
        assert_eq!(claimed_ids(t).await.len(), 3);
        limit(t, "default", NONE).await;
        assert_eq!(claimed_ids(t).await.len(), 5);
    }

    /// At most `per_key` jobs of one key are leased; a full key does not block others.
    async fn a_full_key_does_not_block_others(t: &Workflows) {
        let a: Vec<NewJob> = (0..300).map(|_| of_key("a")).collect();
        let (b, c) = ([of_key("b"), of_key("b")], of_key("A"));
        let (first, b_ids, c_id) = (a[0].id, b.each_ref().map(|job| job.id), c.id);
        enqueued_all(t, a).await;
        enqueued_all(t, b.into_iter().chain([c]).collect()).await;
        limit(t, "default", QueueLimits { per_key: Some(1), ..NONE }).await;
        let taken = claimed_up_to(t, "w", 10).await;
        assert_eq!(ids_of(&taken), [first, b_ids[0], c_id]);
        assert!(claimed_ids(t).await.is_empty());
        t.store.complete_job(&taken[1].lease, None).await.unwrap();
        assert_eq!(claimed_ids(t).await, [b_ids[1]]);
    }

    /// A full key does not block others for a worker that claims one job at a time.
    async fn a_full_key_does_not_block_single_claims(t: &Workflows) {
        enqueued_all(t, (0..300).map(|_| of_key("a")).collect()).await;
        let b = enqueued(t, of_key("b")).await.id;
        limit(t, "default", QueueLimits { per_key: Some(2), ..NONE }).await;
        for _ in 0..2 {
            let one = claimed(t, "w").await;
            assert_eq!(one.job.concurrency_key.as_deref(), Some("a"));
        }
        assert_eq!(claimed(t, "w").await.job.id, b);
        assert!(claimed_up_to(t, "w", 1).await.is_empty());
    }

    /// Jobs without a key are not limited by `per_key`.
    async fn jobs_without_a_key_are_not_limited_by_key(t: &Workflows) {
        let jobs = plain_jobs(t, 5).await;
        limit(t, "default", QueueLimits { per_key: Some(1), ..NONE }).await;
        assert_eq!(claimed_ids(t).await, jobs);
    }

    /// A key is of one queue: the same key in another one has its own count.
    async fn a_key_is_counted_in_each_queue(t: &Workflows) {
        let new = |queue: &str| NewJob { queue: queue.into(), ..of_key("a") };
        for queue in ["p", "q"] {
            limit(t, queue, QueueLimits { per_key: Some(1), ..NONE }).await;
            enqueued_all(t, vec![new(queue), new(queue)]).await;
        }
        let queues = vec!["p".to_owned(), "q".to_owned()];
        let request = ClaimRequest { queues, ..ClaimRequest::new("w").limit(9) };
        let taken = t.store.claim_jobs(&request).await.unwrap();
        let of: Vec<&str> = taken.iter().map(|one| one.job.queue.as_str()).collect();
        assert_eq!(of, ["p", "q"]);
    }

    /// A window of a rate begins with its first claim, and the next one when it is over.
    async fn a_window_begins_with_its_first_claim(t: &Workflows) {
        let jobs = plain_jobs(t, 10).await;
        limit(t, "default", rate(3, 10_000)).await;
        t.clock.set(time("12:00:07"));
        assert_eq!(ids_of(&claimed_up_to(t, "w", 2).await), jobs[..2]);
        t.clock.set(time("12:00:16"));
        assert_eq!(claimed_ids(t).await, jobs[2..3]);
        assert!(claimed_ids(t).await.is_empty());
        t.clock.set(time("12:00:17"));
        assert_eq!(claimed_ids(t).await, jobs[3..6]);
        t.clock.set(time("12:00:26"));
        assert!(claimed_ids(t).await.is_empty());
        t.clock.set(time("12:10:00"));
        assert_eq!(claimed_ids(t).await, jobs[6..9]);
    }

    /// A rate counts claims, not jobs at work: what is completed counts all the same.
    async fn a_rate_counts_claims(t: &Workflows) {
        plain_jobs(t, 4).await;
        limit(t, "default", rate(2, 60_000)).await;
        for _ in 0..2 {
            let lease = claimed(t, "w").await.lease;
            t.store.complete_job(&lease, None).await.unwrap();
        }
        assert!(claimed_ids(t).await.is_empty());
        assert!(t.reopened().await.claim_jobs(&ClaimRequest::new("v")).await.unwrap().is_empty());
        pass(t, 60);
        assert_eq!(claimed_ids(t).await.len(), 2);
    }

    /// All limits hold together.
    async fn all_limits_hold_together(t: &Workflows) {
        let limits = QueueLimits {
            max_leased: Some(4),
            per_key: Some(2),
            rate: Some(Rate { count: 5, per: Duration::from_secs(60) }),
        };
        limit(t, "default", limits).await;
        let jobs = ["a", "a", "a", "b", "c", "d", "e"].map(of_key);
        let ids = jobs.each_ref().map(|job| job.id);
        enqueued_all(t, jobs.to_vec()).await;
        let first = claimed_up_to(t, "w", 10).await;
        assert_eq!(ids_of(&first), [ids[0], ids[1], ids[3], ids[4]]);
        for one in &first {
            t.store.complete_job(&one.lease, None).await.unwrap();
        }
        assert_eq!(claimed_ids(t).await, [ids[2]]);
        pass(t, 60);
        assert_eq!(claimed_ids(t).await, [ids[5], ids[6]]);
    }

    /// A claim of limited and unlimited queues keeps the order of priorities.
    async fn limited_and_unlimited_queues_keep_one_order(t: &Workflows) {
        limit(t, "limited", QueueLimits { max_leased: Some(2), ..NONE }).await;
        let new = |queue: &str, priority| NewJob { priority, ..job_of(queue, "k") };
        let jobs = [
            new("limited", 1), new("open", 2), new("limited", 3), new("limited", 4),
            new("open", 5), new("limited", 6), new("open", 7),
        ];
        let ids = jobs.each_ref().map(|job| job.id);
        enqueued_all(t, jobs.to_vec()).await;
        let queues = vec!["open".to_owned(), "limited".to_owned()];
        let request = ClaimRequest { queues, ..ClaimRequest::new("w").limit(4) };
        let first = ids_of(&t.store.claim_jobs(&request).await.unwrap());
        assert_eq!(first, [ids[0], ids[1], ids[2], ids[4]]);
        assert_eq!(ids_of(&t.store.claim_jobs(&request).await.unwrap()), [ids[6]]);
    }

    /// Scheduled jobs that come due keep to the limits too.
    async fn due_jobs_keep_to_the_limits(t: &Workflows) {
        let timer = |_| NewJob { run_at: Some(time("12:00:30")), ..of_key("a") };
        enqueued_all(t, (0..5).map(timer).collect()).await;
        limit(t, "default", QueueLimits { per_key: Some(2), ..NONE }).await;
        t.clock.set(time("12:01:00"));
        assert_eq!(claimed_ids(t).await.len(), 2);
        assert!(claimed_ids(t).await.is_empty());
    }

    /// 50 workers on two handles never hold more than `max_leased` jobs, and finish them all.
    async fn concurrent_workers_keep_to_max_leased(t: &Workflows) {
        plain_jobs(t, 120).await;
        limit(t, "default", QueueLimits { max_leased: Some(5), ..NONE }).await;
        let worked = at_once(t, 50, |number, store| async move {
            let request = ClaimRequest::new(format!("worker {number}")).limit(2);
            let mut done = 0;
            for _ in 0..6 {
                let claimed = store.claim_jobs(&request).await.unwrap();
                let stats = store.queue_stats(Some("default")).await.unwrap();
                assert!(stats[0].leased <= 5, "{stats:?}");
                for one in claimed {
                    store.complete_job(&one.lease, None).await.unwrap();
                    done += 1;
                }
            }
            done
        });
        let mut done: usize = worked.await.into_iter().sum();
        loop {
            let rest = claimed_up_to(t, "rest", 1000).await;
            assert!(rest.len() <= 5);
            if rest.is_empty() {
                break;
            }
            for one in rest {
                t.store.complete_job(&one.lease, None).await.unwrap();
                done += 1;
            }
        }
        assert_eq!(done, 120);
    }

    /// 50 workers on two handles that claim at once get no more than all limits allow.
    async fn concurrent_claims_keep_to_all_limits(t: &Workflows) {
        let keys = ["a", "b", "c", "d", "e", "f"];
        let jobs = (0..120).map(|number| of_key(keys[number % 6])).collect();
        enqueued_all(t, jobs).await;
        let limits = QueueLimits {
            max_leased: Some(40),
            per_key: Some(3),
            rate: Some(Rate { count: 17, per: Duration::from_secs(60) }),
        };
        limit(t, "default", limits).await;
        let claim = || at_once(t, 50, |number, store| async move {
            let request = claim_of("default", &format!("worker {number}"), 2);
            store.claim_jobs(&request).await.unwrap()
        });
        let first: Vec<_> = claim().await.into_iter().flatten().collect();
        assert_eq!(first.len(), 17, "the rate");
        pass(t, 60);
        let second: Vec<_> = claim().await.into_iter().flatten().collect();
        assert_eq!(second.len(), 1, "six keys, three of each");
        let mut leased: HashMap<String, usize> = HashMap::new();
        for one in first.iter().chain(&second) {
            *leased.entry(one.job.concurrency_key.clone().unwrap()).or_default() += 1;
        }
        assert!(leased.len() == 6 && leased.values().all(|count| *count == 3), "{leased:?}");
    }
}
