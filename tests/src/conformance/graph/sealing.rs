//! Sealed values: what the database holds of them, and what happens when somebody changes it.

use serde_json::json;
use store_core::Error;
use store_core::checkpoints::graph::{ChannelValue, GraphCheckpointer};

use crate::behaviours;
use crate::fixture::Graphs;
use crate::samples::{
    all_states, graph_state, graph_step, graph_write, latest_state, put_writes, thread, written,
};

/// The columns of the stored values that are bytes, in lower-case hex.
pub(super) async fn stored(t: &Graphs, name: &str, column: &str) -> Vec<String> {
    let hex = if t.place.is_sqlite() {
        format!("SELECT lower(hex({column})) FROM graph_blobs")
    } else {
        format!("SELECT encode({column}, 'hex') FROM graph_blobs")
    };
    let rows = t.rows(&format!("{hex} WHERE thread_id = '{name}' ORDER BY address")).await;
    rows.into_iter().map(|row| row[0].clone()).collect()
}

/// Writes bytes in hex as the database does.
fn literal(t: &Graphs, hex: &str) -> String {
    let mark = if t.place.is_sqlite() { "x'" } else { r"'\x" };
    format!("{mark}{hex}'")
}

/// Replaces the bytes of the value at an address.
async fn replace(t: &Graphs, address: &str, bytes: &str) {
    let (address, bytes) = (literal(t, address), literal(t, bytes));
    t.sql(&format!("UPDATE graph_blobs SET bytes = {bytes} WHERE address = {address}")).await;
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// Asserts that a checkpoint is `Tampered`, however it is read, and that this shows no value.
async fn assert_tampered(store: &dyn GraphCheckpointer, name: &str) {
    let fetched = store.fetch(&thread(name), "", None).await.map(drop);
    let listed = store.list(&thread(name), &Default::default(), &Default::default()).await;
    for answer in [fetched, listed.map(drop)] {
        let error = answer.unwrap_err();
        assert!(matches!(error, Error::Tampered { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    }
}

behaviours! {
    emits graph_sealing_tests from graph::sealing;

    /// The database holds no value in the clear, neither of channels nor of writes.
    async fn values_are_sealed_at_rest(t: &Graphs) {
        let step = graph_step("t", 1).value("a", "1", "s3cret value").value("b", "1", "s3cret");
        let expected = step.clone().put(t).await;
        let write = vec![graph_write(0, "a", "s3cret write"), graph_write(-1, "e", "s3cret error")];
        put_writes(t, &step.reference(), "task", "", write).await;
        let rows = stored(t, "t", "bytes").await;
        assert_eq!(rows.len(), 4);
        for row in rows {
            assert!(!row.contains(&hex("s3cret")), "{row}");
            assert!(row.starts_with(&hex("PSE")), "an envelope: {row}");
        }
        let read = t.reopened().await.fetch(&thread("t"), "", None).await.unwrap().unwrap();
        assert_eq!(read.values, expected.values);
        let texts: Vec<_> = written(&read).into_iter().map(|(.., text)| text).collect();
        assert_eq!(texts, ["s3cret error", "s3cret write"]);
    }

    /// Nothing that is printed holds a value.
    async fn values_are_not_printed(t: &Graphs) {
        let step = graph_step("t", 1).value("a", "1", "s3cret");
        let given = format!("{step:?}");
        step.put(t).await;
        let read = latest_state(t, "t").await.unwrap();
        for text in [given, format!("{read:?}"), format!("{:?}", t.store)] {
            assert!(!text.contains("s3cret") && !text.contains("115, 51"), "{text}");
        }
    }

    /// Type tags, the empty value and every byte come back out of an envelope.
    async fn type_tags_and_bytes_come_back_out_of_an_envelope(t: &Graphs) {
        let all: Vec<u8> = (0..=255).collect();
        let expected = graph_step("t", 1)
            .typed("a", "1", ChannelValue::new("späße", all))
            .typed("b", "1", ChannelValue::new("null", []))
            .typed("c", "1", ChannelValue::new("sealed", *b"PSE\x01"))
            .put(t)
            .await;
        assert_eq!(latest_state(t, "t").await, Some(expected));
    }

    /// An address lets nobody confirm a guess: it is not that of the same value without a ring.
    async fn an_address_confirms_no_guess(t: &Graphs) {
        graph_step("sealed", 1).value("a", "1", "s3cret").put(t).await;
        let open = t.opened_with(None).await;
        graph_step("open", 1).value("a", "1", "s3cret").try_put(open.as_ref()).await.unwrap();
        let other = t.opened_with(Some(crate::fixture::graph::keys(2))).await;
        graph_step("other", 1).value("a", "1", "s3cret").try_put(other.as_ref()).await.unwrap();
        let mut addresses = Vec::new();
        for name in ["sealed", "open", "other"] {
            addresses.extend(stored(t, name, "address").await);
        }
        assert!(addresses.iter().all(|address| address.len() == 64), "{addresses:?}");
        addresses.sort_unstable();
        addresses.dedup();
        assert_eq!(addresses.len(), 3);
    }

    /// A changed byte is `Tampered`, wherever it is.
    async fn a_changed_byte_is_tampered(t: &Graphs) {
        graph_step("t", 1).value("a", "1", "s3cret").put(t).await;
        let address = stored(t, "t", "address").await.remove(0);
        let bytes = stored(t, "t", "bytes").await.remove(0);
        let last = bytes.len() / 2 - 1;
        // The start, the sealed data key, the sealed value, its tag.
        for at in [0, 3, 30, last - 20, last - 8, last] {
            let mut changed = bytes.clone();
            let digit = if &bytes[at * 2..=at * 2] == "0" { "1" } else { "0" };
            changed.replace_range(at * 2..=at * 2, digit);
            replace(t, &address, &changed).await;
            assert_tampered(t.store.as_ref(), "t").await;
        }
        for cut in ["", &bytes[2..], &bytes[..bytes.len() - 2]] {
            replace(t, &address, cut).await;
            assert_tampered(t.store.as_ref(), "t").await;
        }
        replace(t, &address, &bytes).await;
        assert!(latest_state(t, "t").await.is_some());
    }

    /// Values that changed places are `Tampered`.
    async fn values_that_changed_places_are_tampered(t: &Graphs) {
        let step = graph_step("t", 1).value("a", "1", "s3cret one").value("b", "1", "s3cret two");
        step.put(t).await;
        let (addresses, bytes) = (stored(t, "t", "address").await, stored(t, "t", "bytes").await);
        replace(t, &addresses[0], &bytes[1]).await;
        assert_tampered(t.store.as_ref(), "t").await;
        replace(t, &addresses[1], &bytes[0]).await;
        assert_tampered(t.store.as_ref(), "t").await;
    }

    /// A type tag that was changed is `Tampered`.
    async fn a_changed_type_tag_is_tampered(t: &Graphs) {
        graph_step("t", 1).value("a", "1", "s3cret").put(t).await;
        t.sql("UPDATE graph_blobs SET type_tag = 'json'").await;
        assert_tampered(t.store.as_ref(), "t").await;
    }

    /// A sealed value that is marked as unsealed is not returned as it is.
    async fn a_sealed_value_marked_as_unsealed_is_tampered(t: &Graphs) {
        graph_step("t", 1).value("a", "1", "s3cret").put(t).await;
        let no = if t.place.is_sqlite() { "0" } else { "FALSE" };
        t.sql(&format!("UPDATE graph_blobs SET sealed = {no}")).await;
        assert_tampered(t.store.as_ref(), "t").await;
        // Nor is something else in its place.
        let address = stored(t, "t", "address").await.remove(0);
        replace(t, &address, &hex("s3cret by a stranger")).await;
        assert_tampered(t.store.as_ref(), "t").await;
    }

    /// A sealed write that was changed is `Tampered`.
    async fn a_changed_write_is_tampered(t: &Graphs) {
        let step = graph_step("t", 1);
        step.clone().put(t).await;
        put_writes(t, &step.reference(), "task", "", vec![graph_write(0, "a", "s3cret")]).await;
        let address = stored(t, "t", "address").await.remove(0);
        replace(t, &address, &hex("s3cret by a stranger")).await;
        assert_tampered(t.store.as_ref(), "t").await;
    }

    /// What no ring is needed for works without one: deleting, copying, pruning.
    async fn threads_are_deleted_copied_and_pruned_without_a_ring(t: &Graphs) {
        for number in 1..=3_u64 {
            let metadata = json!({"step": number, "run_id": format!("r{number}")});
            let step = graph_step("t", number).value("a", &number.to_string(), "s3cret");
            step.metadata(metadata).put(t).await;
        }
        let keyless = t.opened_with(None).await;
        keyless.copy_thread(&thread("t"), &thread("copy")).await.unwrap();
        assert_eq!(all_states(t, "copy").await.len(), 3);
        assert_eq!(keyless.delete_for_runs(&["r1".into()]).await.unwrap(), 2);
        let request = store_core::checkpoints::graph::GraphPrune::new(thread("t"), 1);
        assert_eq!(keyless.prune(&request).await.unwrap().checkpoints, 1);
        keyless.delete_thread(&thread("copy")).await.unwrap();
        assert_eq!(t.tally().await, [1, 1, 1, 1, 0]);
        assert_eq!(graph_state(t, "t", 3).await.values["a"].bytes, b"s3cret");
    }
}
