//! A primary that goes on, but accepts no writes any more, because another one has its place.

use diesel::prelude::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl as _;
use store_core::Failure;
use store_core::postgres::Database;
use store_tests::{run, samples};

use crate::support::{Cluster, Histories, client, settings, until};

#[test]
fn callers_leave_a_former_primary_that_was_made_read_only() {
    run(async {
        let cluster = Cluster::start();
        let t = Histories::open(cluster.settings_of_both().postgres_pool_max_size(1)).await;
        let id = t.start("e").await;
        let first = settings(&cluster.primary.url()).postgres_pool_max_size(1);
        let only_the_first = Histories::open(first).await;
        cluster.caught_up(&t.databases).await;
        let fence = client(&cluster.primary).await;
        fence.batch_execute("ALTER SYSTEM SET default_transaction_read_only = on").await.unwrap();
        fence.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        for connected in [&t, &only_the_first] {
            let db = connected.db().await;
            until("it is read-only", || is_read_only(&db)).await;
        }
        cluster.standby.promote();

        t.append(&id).await;
        assert_eq!(t.steps(&id).await, Some(1));
        let there = Histories::open(settings(&cluster.standby.url())).await;
        assert_eq!(there.steps(&id).await, Some(1), "it is on the new primary");

        // Whoever names no other server is told at once.
        let step = samples::step(serde_json::json!(1));
        let error = only_the_first.store.append_step(&id, step).await.unwrap_err();
        assert_eq!(error.failure(), Some(Failure::ReadOnly));
    });
}

/// Tells whether the connection that the pool hands out is read-only.
async fn is_read_only(db: &Database) -> bool {
    #[derive(QueryableByName)]
    struct Setting {
        #[diesel(sql_type = Text)]
        transaction_read_only: String,
    }
    let mut conn = db.conn("test").await.unwrap();
    let show = diesel::sql_query("SHOW transaction_read_only");
    let setting: Setting = show.get_result(&mut conn).await.unwrap();
    setting.transaction_read_only == "on"
}
