//! What a claim may ask for, and what is refused before anything changes.

use std::time::Duration;

use store_core::queue::ClaimRequest;

use super::assert_invalid;
use crate::behaviours;
use crate::fixture::Workflows;
use crate::samples::{claim_of, enqueued, ids_of, job, job_of, queue_rows};

behaviours! {
    emits queue_claim_input_tests from queue::claim_input;

    /// A queue that nobody knows gives nothing.
    async fn an_unknown_queue_gives_nothing(t: &Workflows) {
        enqueued(t, job("k")).await;
        let before = queue_rows(t).await;
        assert!(t.store.claim_jobs(&claim_of("unknown", "w", 9)).await.unwrap().is_empty());
        assert_eq!(queue_rows(t).await, before);
    }

    /// A claim that breaks a rule is `Invalid` and claims nothing.
    async fn a_claim_that_breaks_a_rule_is_invalid(t: &Workflows) {
        enqueued(t, job("k")).await;
        let before = queue_rows(t).await;
        let base = || ClaimRequest::new("w");
        let names = || [String::new(), "x".repeat(256), "a\0b".into(), "a\nb".into()];
        for text in names() {
            let refused = [
                ("worker", ClaimRequest { worker: text.clone(), ..base() }),
                ("queues", ClaimRequest { queues: vec!["q".into(), text.clone()], ..base() }),
                ("capabilities", ClaimRequest { capabilities: vec![text], ..base() }),
            ];
            for (field, request) in refused {
                assert_invalid(t.store.claim_jobs(&request).await, field);
            }
        }
        let tick = Duration::from_millis(1);
        let (second, day) = (Duration::from_secs(1), Duration::from_secs(86_400));
        let refused = [
            ("queues", ClaimRequest { queues: Vec::new(), ..base() }),
            ("queues", ClaimRequest { queues: vec!["default".into(); 65], ..base() }),
            ("capabilities", ClaimRequest { capabilities: vec!["c".into(); 65], ..base() }),
            ("limit", base().limit(0)),
            ("limit", base().limit(1001)),
            ("lease", ClaimRequest { lease: Duration::ZERO, ..base() }),
            ("lease", ClaimRequest { lease: second - tick, ..base() }),
            ("lease", ClaimRequest { lease: day + tick, ..base() }),
            ("lease", ClaimRequest { lease: Duration::MAX, ..base() }),
        ];
        for (field, request) in refused {
            assert_invalid(t.store.claim_jobs(&request).await, field);
        }
        assert_eq!(queue_rows(t).await, before);
    }

    /// A claim at the bounds of every rule is carried out.
    async fn a_claim_at_its_bounds_is_carried_out(t: &Workflows) {
        let queues: Vec<String> = (0..64).map(|number| format!("{number:0>255}")).collect();
        let mut expected = Vec::new();
        for queue in [&queues[0], &queues[63]] {
            expected.push(enqueued(t, job_of(queue, "k")).await.id);
        }
        let request = ClaimRequest {
            worker: "x".repeat(255),
            capabilities: queues.clone(),
            queues,
            limit: 1000,
            lease: Duration::from_secs(86_400),
        };
        let claimed = t.store.claim_jobs(&request).await.unwrap();
        assert_eq!(ids_of(&claimed), expected);
        assert_eq!(claimed[0].lease.expires_at, crate::samples::later(t, 86_400));
    }
}
