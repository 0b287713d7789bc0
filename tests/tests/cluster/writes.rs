//! What stays with the primary within a scope: writes, and the reads that belong to them.

use serde_json::json;
use store_core::Databases;
use store_core::history::{PruneRequest, Retention};
use store_core::replica::{Freshness, from_replica};
use store_tests::{run, samples};

use crate::support::Cluster;

/// Nothing that is made here is on the replica: whatever is found was read from the primary.
#[test]
fn a_write_in_the_scope_goes_to_the_primary_with_the_reads_that_belong_to_it() {
    run(async {
        let cluster = Cluster::start();
        let databases = Databases::new(cluster.settings().build().unwrap());
        store_history::open(&databases).await.unwrap();
        store_chatkit::open(&databases).await.unwrap();
        store_tokens::open(&databases).await.unwrap();
        cluster.caught_up(&databases).await;
        cluster.pause_replay().await;
        from_replica(Freshness::Any, async {
            history(&databases).await;
            conversations(&databases).await;
            tokens(&databases).await;
            let migrated = databases.postgres().await.unwrap();
            migrated.migrate(&store_workflow::postgres::SCHEMA).await.unwrap();
            migrated.verify(&store_workflow::postgres::SCHEMA).await.unwrap();
        })
        .await;
    });
}

async fn history(databases: &Databases) {
    let store = store_history::open(databases).await.unwrap();
    let id = samples::id("e");
    store.start(samples::execution("e")).await.unwrap();
    store.append_step(&id, samples::step(json!("alone"))).await.unwrap();
    let two = vec![samples::step(json!(1)), samples::step(json!(2))];
    store.append_steps(&id, two).await.unwrap();
    assert_eq!(store.succeed(&id).await.unwrap().step_count, 3);
    assert_eq!(store.find(&id).await.unwrap(), None, "a read of its own asks the replica");
    // What there is to prune is read before it is deleted.
    let everything = PruneRequest::new(Retention::MaxRows(0));
    assert_eq!(store.prune(&everything).await.unwrap().executions, 1);
}

async fn conversations(databases: &Databases) {
    let store = store_chatkit::open(databases).await.unwrap();
    let (alice, thread) = (samples::alice(), samples::thread("t"));
    store.save_thread(&alice, samples::new_thread("t")).await.unwrap();
    // An administrator acts for the owner of the thread, who is looked up first.
    let administrator = samples::administrator();
    store.save_thread(&administrator, samples::new_thread("t")).await.unwrap();
    store.add_thread_item(&administrator, &thread, samples::message("i", "hello")).await.unwrap();
    store.load_thread(&alice, &thread).await.unwrap_err();
    store.delete_thread(&administrator, &thread).await.unwrap();
}

async fn tokens(databases: &Databases) {
    let store = store_tokens::open(databases).await.unwrap();
    let (origin, id) = (samples::origin(), samples::token_id("t"));
    let first = store.bootstrap(samples::token("t"), &origin).await.unwrap();
    let again = store.bootstrap(samples::token("t"), &origin).await.unwrap();
    assert_eq!(first, again, "what is there already is looked for on the primary");
    let hash = samples::hash_of("t");
    let authenticated = store.find_by_hash(&hash).await.unwrap();
    assert!(authenticated.is_some(), "who authenticates sees the newest state");
    store.revoke(&id, None, false, &origin).await.unwrap();
    assert_eq!(store.find(&id).await.unwrap(), None, "a read of its own asks the replica");
}
