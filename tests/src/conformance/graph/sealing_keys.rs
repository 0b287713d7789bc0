//! Sealed values and the keys of a ring: missing, other, changed.

use store_core::Error;
use store_core::checkpoints::graph::GraphCheckpointer;
use store_core::seal::{Key, KeyRing, key_id};

use super::assert_conflict;
use super::sealing::stored;
use crate::behaviours;
use crate::fixture::Graphs;
use crate::fixture::graph::{key, keys};
use crate::samples::{all_states, graph_state, graph_step, latest_state, text_value, thread};

/// The second key, with the first one readable.
fn changed_keys() -> KeyRing {
    keys(2).with_readable(key(1)).unwrap()
}

/// The ids of the keys that sealed the values of a thread, in their order at rest.
async fn sealers(t: &Graphs) -> Vec<String> {
    let mut ids = Vec::new();
    for envelope in stored(t, "t", "bytes").await {
        let digits: Vec<_> = envelope.as_bytes().chunks(2).collect();
        let byte = |pair: &&[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
        let bytes: Vec<u8> = digits.iter().map(byte).collect();
        ids.push(key_id(&bytes).unwrap().to_owned());
    }
    ids.sort_unstable();
    ids
}

/// Asserts that a checkpoint cannot be read for want of a key.
async fn assert_keyless(store: &dyn GraphCheckpointer) {
    let fetched = store.fetch(&thread("t"), "", None).await.map(drop);
    let listed = store.list(&thread("t"), &Default::default(), &Default::default()).await;
    for answer in [fetched, listed.map(drop)] {
        let error = answer.unwrap_err();
        assert!(matches!(error, Error::Settings { .. }), "{error}");
    }
}

behaviours! {
    emits graph_sealing_keys_tests from graph::sealing_keys;

    /// Without the key, a sealed value is an error that says the key is missing.
    async fn a_sealed_value_needs_its_key(t: &Graphs) {
        graph_step("t", 1).value("a", "1", "s3cret").put(t).await;
        assert_keyless(t.opened_with(None).await.as_ref()).await;
        assert_keyless(t.opened_with(Some(keys(2))).await.as_ref()).await;
        assert!(t.reopened().await.fetch(&thread("t"), "", None).await.unwrap().is_some());
    }

    /// Another key of the same id does not open it: `Tampered`.
    async fn another_key_of_the_same_id_does_not_open(t: &Graphs) {
        graph_step("t", 1).value("a", "1", "s3cret").put(t).await;
        let other = KeyRing::new(Key::new("k1", [99; 32]).unwrap());
        let answer = t.opened_with(Some(other)).await.fetch(&thread("t"), "", None).await;
        assert!(matches!(answer, Err(Error::Tampered { .. })), "{answer:?}");
    }

    /// Checkpoints that have no values need no key.
    async fn checkpoints_without_values_need_no_key(t: &Graphs) {
        let expected = graph_step("t", 1).channel("a", "1").put(t).await;
        let read = t.opened_with(None).await.fetch(&thread("t"), "", None).await.unwrap();
        assert_eq!(read, Some(expected));
    }

    /// After a change of key old values are read by the old one, and new ones are sealed by the new.
    async fn after_a_change_of_key_old_values_are_read(t: &Graphs) {
        let old = graph_step("t", 1).value("a", "1", "old").put(t).await;
        let changed = t.opened_with(Some(changed_keys())).await;
        graph_step("t", 2).channel("a", "1").value("b", "1", "new").try_put(changed.as_ref()).await.unwrap();
        assert_eq!(sealers(t).await, ["k1", "k2"]);
        let read = changed.fetch(&thread("t"), "", None).await.unwrap().unwrap();
        assert_eq!((&read.values["a"], &read.values["b"]), (&text_value("old"), &text_value("new")));
        let first = changed.fetch(&thread("t"), "", Some(old.checkpoint.id)).await.unwrap();
        assert_eq!(first, Some(old));
        // The old ring lacks the new key.
        assert!(matches!(t.store.fetch(&thread("t"), "", None).await, Err(Error::Settings { .. })));
        assert_eq!(graph_state(t, "t", 1).await.values["a"], text_value("old"));
    }

    /// The same value put again after a change of key is no conflict; another one is.
    async fn the_same_value_after_a_change_of_key_is_no_conflict(t: &Graphs) {
        let step = |number| graph_step("t", number).value("a", "1", "same").value("z", "1", "z");
        step(1).put(t).await;
        let changed = t.opened_with(Some(changed_keys())).await;
        for number in [1, 2] {
            let again = step(number).value("b", "1", "new");
            again.clone().try_put(changed.as_ref()).await.unwrap();
            let read = changed.fetch(&thread("t"), "", Some(again.checkpoint.id)).await.unwrap();
            assert_eq!(read, Some(again.expected()));
        }
        let other = graph_step("t", 3).value("a", "1", "same").value("z", "1", "other");
        let error = other.try_put(changed.as_ref()).await.unwrap_err();
        assert!(error.to_string().contains('z'), "{error}");
        assert_conflict::<()>(Err(error));
        let states = changed.list(&thread("t"), &Default::default(), &Default::default()).await.unwrap();
        assert_eq!(states.items.len(), 2);
    }

    /// Many puts of the same at once by the old ring and the new one end without a conflict.
    async fn rings_before_and_after_a_change_put_the_same_at_once(t: &Graphs) {
        // Both can read what the other one seals.
        let both = keys(1).with_readable(key(2)).unwrap();
        let stores = [t.opened_with(Some(both)).await, t.opened_with(Some(changed_keys())).await];
        let step = |number: u64| graph_step("t", number).value("a", "1", "same").value("b", "1", "both");
        let mut tasks = tokio::task::JoinSet::new();
        for number in 1..=20_u64 {
            let store = stores[number as usize % 2].clone();
            let step = step(number / 2 + 1);
            tasks.spawn(async move { step.try_put(store.as_ref()).await.unwrap() });
        }
        tasks.join_all().await;
        let page = stores[0].list(&thread("t"), &Default::default(), &Default::default()).await.unwrap();
        assert_eq!(page.items.len(), 11);
        assert!(page.items.iter().all(|state| state.values == step(1).values));
    }

    /// A put that would have to compare with a value it cannot open fails, and changes nothing.
    async fn a_put_that_cannot_compare_changes_nothing(t: &Graphs) {
        let first = graph_step("t", 1).value("a", "1", "s3cret").put(t).await;
        let before = t.tally().await;
        for ring in [None, Some(keys(2))] {
            let store = t.opened_with(ring).await;
            for text in ["s3cret", "other"] {
                let step = graph_step("t", 2).value("a", "1", text).value("b", "1", "new");
                let error = step.try_put(store.as_ref()).await.unwrap_err();
                assert!(matches!(error, Error::Settings { .. }), "{error}");
            }
        }
        assert_eq!(t.tally().await, before);
        assert_eq!(all_states(t, "t").await, [first]);
    }

    /// A put that has to compare with a value that was changed is `Tampered`.
    async fn a_put_that_compares_with_a_changed_value_is_tampered(t: &Graphs) {
        graph_step("t", 1).value("a", "1", "s3cret").put(t).await;
        t.sql("UPDATE graph_blobs SET type_tag = 'json'").await;
        let changed = t.opened_with(Some(changed_keys())).await;
        let answer = graph_step("t", 2).value("a", "1", "s3cret").try_put(changed.as_ref()).await;
        assert!(matches!(answer, Err(Error::Tampered { .. })), "{answer:?}");
    }

    /// What was stored without a ring stays readable with one.
    async fn what_was_stored_without_a_ring_stays_readable(t: &Graphs) {
        let keyless = t.opened_with(None).await;
        let step = graph_step("t", 1).value("a", "1", "open").value("b", "1", "open too");
        step.clone().try_put(keyless.as_ref()).await.unwrap();
        assert_eq!(latest_state(t, "t").await, Some(step.expected()));
        let next = graph_step("t", 2).channel("a", "1").value("c", "1", "s3cret").put(t).await;
        let read = latest_state(t, "t").await.unwrap();
        assert_eq!((&read.values["a"], &read.values["c"]), (&text_value("open"), &next.values["c"]));
        assert_keyless(keyless.as_ref()).await;
    }

    /// A value from before the ring that is put again is no conflict; another one is.
    async fn a_value_from_before_the_ring_can_be_put_again(t: &Graphs) {
        let keyless = t.opened_with(None).await;
        let step = |number, text: &str| graph_step("t", number).value("a", "1", text);
        step(1, "same").try_put(keyless.as_ref()).await.unwrap();
        for number in [1, 2] {
            let expected = step(number, "same").put(t).await;
            assert_eq!(graph_state(t, "t", number).await, expected);
        }
        assert_conflict(step(3, "other").try_put(t.store.as_ref()).await);
        assert_eq!(all_states(t, "t").await.len(), 2);
    }
}
