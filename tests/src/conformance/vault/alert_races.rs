//! Many that record, acknowledge and resolve alerts at once.

use std::collections::BTreeSet;

use store_core::vault::{AccessContext, AlertKind};

use super::alerts::{acknowledge, all, failed};
use super::assert_not_found;
use super::governance::alert_about;
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{actor, caller, kept, operator};

behaviours! {
    emits vault_alert_races_tests from vault::alert_races;

    /// 16 that record the same alert at once record one.
    async fn concurrent_records_of_an_alert_give_one(t: &Vaults) {
        let credential = kept(t, "a").await.id;
        for round in 1..=3 {
            let answers = t.at_once(16, |number, store| async move {
                let message = format!("by {number}");
                let new = alert_about(credential, AlertKind::ValidationFailed, &message);
                store.record_alert(&caller(), new).await.unwrap()
            });
            let answers = answers.await;
            let ids: BTreeSet<_> = answers.iter().map(|alert| alert.id).collect();
            assert_eq!(ids.len(), 1, "round {round}");
            let stored = all(t).await;
            assert_eq!(stored.len(), round);
            let open: Vec<_> =
                stored.iter().filter(|alert| alert.acknowledged.is_none()).collect();
            assert_eq!(open.len(), 1);
            assert!(answers.iter().any(|alert| alert.message == open[0].message));
            acknowledge(t, "bob", open[0].id).await;
        }
    }

    /// Of 16 that acknowledge an alert at once one is the first, and all are told so.
    async fn concurrent_acknowledgements_agree_on_the_first(t: &Vaults) {
        let credential = kept(t, "a").await.id;
        let open = failed(t, credential).await.id;
        let answers = t.at_once(16, |number, store| async move {
            let context = AccessContext::new(actor(&format!("actor {number}")));
            if number % 4 == 0 {
                store.resolve_alerts(&context, credential).await.unwrap();
            }
            store.acknowledge_alert(&context, open).await.unwrap()
        });
        let answers = answers.await;
        let told: Vec<_> = answers.iter().map(|alert| &alert.acknowledged).collect();
        assert!(told.iter().all(|acknowledged| acknowledged.is_some()));
        assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
        let stored = all(t).await;
        assert_eq!((stored.len(), &stored[0].acknowledged), (1, told[0]));
    }

    /// However records and acknowledgements come between each other, one alert is open at most.
    async fn one_alert_is_open_at_most(t: &Vaults) {
        let credential = kept(t, "a").await.id;
        t.at_once(32, |number, store| async move {
            if number % 4 == 3 {
                store.resolve_alerts(&caller(), credential).await.map(drop).unwrap();
                return;
            }
            let new = alert_about(credential, AlertKind::ValidationFailed, &number.to_string());
            let recorded = store.record_alert(&caller(), new).await.unwrap();
            if number % 4 == 0 {
                store.acknowledge_alert(&caller(), recorded.id).await.unwrap();
            }
        })
        .await;
        let open = all(t).await.iter().filter(|alert| alert.acknowledged.is_none()).count();
        assert!(open <= 1, "{open}");
        let last = failed(t, credential).await;
        t.store.resolve_alerts(&caller(), credential).await.unwrap();
        assert!(all(t).await.iter().all(|alert| alert.acknowledged.is_some()), "{last:?}");
    }

    /// An alert beside the deletion of its credential goes with it, or finds nothing.
    async fn an_alert_beside_a_deletion_leaves_nothing(t: &Vaults) {
        for round in 0..8 {
            let credential = kept(t, "a").await.id;
            let answers = t.at_once(8, |number, store| async move {
                if number == 3 {
                    return store.delete(&caller(), credential).await;
                }
                let kind = AlertKind::ALL[number % 3];
                let new = alert_about(credential, kind, "too late?");
                store.record_alert(&caller(), new).await.map(drop)
            });
            for answer in answers.await {
                if answer.is_err() {
                    assert_not_found(answer);
                }
            }
            assert_not_found(t.store.fetch(&operator(), credential).await);
            assert!(all(t).await.is_empty(), "round {round}");
        }
    }
}
