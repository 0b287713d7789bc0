//! From SQLite to PostgreSQL and back: the same rows, and stores that go on working.

use std::path::PathBuf;

use serde_json::json;
use store_core::PageRequest;
use store_core::vault::AccessContext;
use store_tests::samples::*;
use tempfile::TempDir;

use super::fill;
use super::homes::Home;
use super::support::{Schema, moved, sql};

/// Three homes of the same rows: where they were, the schema they went to, the file they came back to.
struct Trip {
    directory: TempDir,
    schema: Schema,
}

impl Trip {
    async fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), schema: Schema::fresh().await }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn start(&self) -> Home {
        Home::File(self.path("start.sqlite"))
    }

    /// Moves there and back; every table but those named has to have rows.
    async fn go(&self, without_rows: &[&str]) -> [Home; 3] {
        let there = Home::Schema(self.schema.name.clone());
        let back = Home::File(self.path("back.sqlite"));
        let first = moved(&self.start().url(), &there.url()).await;
        for table in &first.validation.tables {
            let empty = table.rows == 0;
            assert_eq!(empty, without_rows.contains(&table.name.as_str()), "{}", table.name);
        }
        let second = moved(&there.url(), &back.url()).await;
        assert_eq!(first.validation.source_root, second.validation.source_root);
        assert_eq!(first.validation.source_root, second.validation.target_root);
        assert_eq!(first.rows, second.rows);
        [self.start(), there, back]
    }

    async fn finish(self) {
        self.schema.drop().await;
    }
}

#[test]
fn run_history_moves_and_goes_on() {
    store_tests::run(async {
        let trip = Trip::new().await;
        let t = trip.start().history().await;
        fill::history(&t).await;
        let expected = t.store.fetch_with_steps(&id("full 🎉")).await.unwrap();
        for home in trip.go(&[]).await {
            let t = home.history().await;
            assert_eq!(t.store.fetch_with_steps(&id("full 🎉")).await.unwrap(), expected);
            // An old key is known, and the next index is given.
            let again =
                t.store.append_step(&id("full 🎉"), keyed("0", everything())).await.unwrap();
            assert_eq!(again.index, 0);
            let next = t.store.append_step(&id("full 🎉"), step(json!(1))).await.unwrap();
            assert_eq!(next.index, 5);
        }
        trip.finish().await;
    });
}

#[test]
fn run_history_moves_through_partitions_and_goes_on() {
    use store_history::postgres::{PartitionRequest, PostgresRunHistoryStore};

    store_tests::run(async {
        let trip = Trip::new().await;
        let t = trip.start().history().await;
        fill::history(&t).await;
        let expected = t.store.fetch_with_steps(&id("full 🎉")).await.unwrap();
        let there = Home::Schema(trip.schema.name.clone()).history().await;
        let store_tests::fixture::Place::Postgres(place) = &there.place else { panic!("a schema") };
        let clock = std::sync::Arc::new(there.clock.clone());
        let store = PostgresRunHistoryStore::new(place.db.clone(), Default::default(), clock);
        store.partition_steps(&PartitionRequest::default()).await.unwrap();
        drop((store, there));
        for home in trip.go(&[]).await {
            let t = home.history().await;
            assert_eq!(t.store.fetch_with_steps(&id("full 🎉")).await.unwrap(), expected);
            let again =
                t.store.append_step(&id("full 🎉"), keyed("0", everything())).await.unwrap();
            assert_eq!(again.index, 0);
            t.store.append_step(&id("full 🎉"), step(json!(1))).await.unwrap();
            // The partition that was made ahead takes part in keys and references.
            t.clock.set(at("2026-05-05T00:00:00Z"));
            t.store.start(execution("later")).await.unwrap();
            for _ in 0..2 {
                let step = t.store.append_step(&id("later"), keyed("k", json!(1))).await.unwrap();
                assert_eq!(step.index, 0);
            }
            t.store.delete(&id("later")).await.unwrap();
        }
        let valid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid \
                     AND indrelid::regclass::text LIKE '%history%'";
        assert_eq!(trip.schema.number(valid).await, 0);
        let partitions = "SELECT count(*) FROM pg_inherits \
                          WHERE inhparent = 'history_steps'::regclass";
        assert_eq!(trip.schema.number(partitions).await, 6);
        trip.finish().await;
    });
}

#[test]
fn workflows_move_and_go_on() {
    store_tests::run(async {
        let trip = Trip::new().await;
        let t = trip.start().workflows().await;
        fill::workflows(&t).await;
        fill::jobs(&t).await;
        // The newest entries of the audit are gone: the sequence has to go on behind them.
        let last = t.count("SELECT max(seq) FROM workflow_audit").await;
        t.sql(&format!("DELETE FROM workflow_audit WHERE seq > {}", last - 3)).await;
        let stored = t.store.list_workflows(&Default::default(), &PageRequest::first(1000)).await;
        let stored = stored.unwrap();
        for home in trip.go(&[]).await {
            let t = home.workflows().await;
            let page = PageRequest::first(1000);
            let listed = t.store.list_workflows(&Default::default(), &page).await.unwrap();
            assert_eq!(listed, stored);
            let new = runnable(&t).await;
            let sequence = t
                .count(
                    "SELECT min(seq) FROM workflow_audit WHERE workflow_id = \
                (SELECT id FROM workflows ORDER BY id DESC LIMIT 1)",
                )
                .await;
            assert!(sequence > last, "{home:?}: {sequence} is given again, {last} was");
            assert_eq!(actions_of(&t, new.id).await[0], "workflow_created");
            t.store.create_run(&ada(), new_run(new.id)).await.unwrap();
            assert_eq!(t.store.counter("späße 🎉").await.unwrap(), -3);
            assert!(
                t.store.acquire_lock("späße 🎉", "other", fill::MINUTE).await.unwrap().is_none()
            );
            leased(&t, job_of("queue after the move", "k")).await;
            // Secrets of webhooks open with the same key.
            let again = hooked(&t, signed_webhook()).await;
            t.store.handle_webhook(again, &signed_at(1_772_452_800)).await.unwrap();
        }
        trip.finish().await;
    });
}

#[test]
fn tokens_move_and_their_audit_verifies() {
    store_tests::run(async {
        let trip = Trip::new().await;
        let t = trip.start().tokens().await;
        fill::tokens(&t).await;
        let expected = (read(&t, "kept").await, audited(&t, "kept").await);
        for home in trip.go(&[]).await {
            let t = home.tokens().await;
            assert_eq!((read(&t, "kept").await, audited(&t, "kept").await), expected);
            assert_intact(&t, "kept", 3).await;
            assert_intact(&t, "a", 5).await;
            let found = t.store.find_by_hash(&hash_of("successor")).await.unwrap().unwrap();
            assert_eq!(found.identifier.as_str(), "successor");
            revoke(&t, "kept", true).await;
            assert_intact(&t, "kept", 4).await;
        }
        trip.finish().await;
    });
}

#[test]
fn checkpoints_move_and_go_on() {
    store_tests::run(async {
        let trip = Trip::new().await;
        let t = trip.start().checkpoints().await;
        fill::checkpoints(&t).await;
        fill::graphs(&trip.start().graphs().await).await;
        let page = PageRequest::first(1000);
        let expected = t.store.list(TRAINING, &page).await.unwrap();
        let newest = expected.items[0].config_version;
        let states = all_states(&trip.start().graphs().await, "chain").await;
        for home in trip.go(&[]).await {
            let t = home.checkpoints().await;
            assert_eq!(t.store.list(TRAINING, &page).await.unwrap(), expected);
            assert_eq!(recorded(&t, checkpoint()).await.config_version, newest + 1);
            let t = home.graphs().await;
            assert_eq!(all_states(&t, "chain").await, states);
            graph_step("chain", 10).value("a", "10", "after").after(9).put(&t).await;
            assert_eq!(graph_state(&t, "chain", 10).await.config.parent_id, Some(checkpoint_id(9)));
        }
        trip.finish().await;
    });
}

#[test]
fn conversations_move_and_are_found() {
    const QUERIES: [&str; 8] = [
        "größte brücke",
        "\"it's long\"",
        "明石海峡大橋",
        "\"deep inside\"",
        "ferry",
        "türkis",
        "socks",
        "nothing of this",
    ];
    store_tests::run(async {
        let trip = Trip::new().await;
        let t = trip.start().chats().await;
        fill::chats(&t).await;
        let mut expected = Vec::new();
        for query in QUERIES {
            expected.push(found(&t, query).await);
        }
        assert!(expected[..7].iter().all(|hits| !hits.is_empty()), "{expected:?}");
        let items = items_of(&t, "thr_1").await;
        for home in trip.go(&[]).await {
            let t = home.chats().await;
            assert_eq!(items_of(&t, "thr_1").await, items);
            for (query, expected) in QUERIES.into_iter().zip(&expected) {
                assert_eq!(&found(&t, query).await, expected, "{home:?}: {query}");
            }
            assert_eq!(released(&t).await, ["gone"]);
            let next = add(&t, "thr_1", message("new", "Quokka")).await;
            assert_eq!(next.ordinal, items.last().unwrap().ordinal + 1);
            assert_eq!(found(&t, "quokka").await, ["new"]);
            // What is deleted is not found any more: the index knows the words that moved.
            let gone = item_id("tsk_custom");
            t.store.delete_thread_item(&alice(), &thread("thr_1"), &gone).await.unwrap();
            assert!(found(&t, "socks").await.is_empty());
        }
        // Everything is in the index of the file, and nothing else.
        sql(
            &trip.path("back.sqlite"),
            "INSERT INTO chatkit_item_search (chatkit_item_search) VALUES ('integrity-check')",
        );
        trip.finish().await;
    });
}

#[test]
fn secrets_move_and_open() {
    store_tests::run(async {
        let trip = Trip::new().await;
        let t = trip.start().vault().await;
        fill::vault(&t).await;
        let admin: AccessContext = operator();
        let page = PageRequest::first(1000);
        let expected = t.store.list_all(&admin, &page).await.unwrap().items;
        let mut secrets = Vec::new();
        for credential in &expected {
            secrets.push(revealed(&t, credential.id).await);
        }
        let mut entries = Vec::new();
        for credential in &expected {
            entries.push(audit_of_vault(&t, credential.id).await.len());
        }
        for home in trip.go(&[]).await {
            let t = home.vault().await;
            assert_eq!(t.store.list_all(&admin, &page).await.unwrap().items, expected);
            for ((credential, secret), entries) in expected.iter().zip(&secrets).zip(&entries) {
                let entries = u64::try_from(*entries).unwrap();
                assert_vault_intact(&t, credential.id, entries).await;
                assert_eq!(&revealed(&t, credential.id).await, secret);
                assert_vault_intact(&t, credential.id, entries + 1).await;
            }
            let rotated = expected.iter().find(|one| one.name == "rotated").unwrap();
            assert_eq!(rotate_secret(&t, rotated.id, "a third").await.secret_version, 3);
            assert_eq!(revealed(&t, rotated.id).await, "a third");
        }
        trip.finish().await;
    });
}
