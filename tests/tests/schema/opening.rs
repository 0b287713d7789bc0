//! What opening a store costs when its tables are there already.

use store_core::Databases;
use store_tests::fixture::all::{Store, open_all};

use crate::bare::Bare;

/// Every start of every process pays for this, on the way to the database and back.
const STATEMENTS: u64 = 3;

/// Opening a store on an existing database takes at most three statements.
async fn opening_a_store_on_an_existing_database_takes_at_most_three_statements(t: &Bare) {
    open_all(&t.databases()).await.unwrap();
    for store in Store::ALL {
        let databases = t.databases();
        let before = t.statements_of(&databases).await;
        let _open = store.open(&databases).await.unwrap();
        let statements = t.statements_of(&databases).await - before;
        assert!((1..=STATEMENTS).contains(&statements), "{store:?}: {statements}");
        databases.close().await;
    }
}

/// Opening a store that was opened before changes nothing in the database.
async fn opening_the_stores_again_changes_nothing(t: &Bare) {
    open_all(&t.databases()).await.unwrap();
    let dump = t.dump().await;
    let keys = t.rows("SELECT * FROM vault_keys").await;
    let databases: Databases = t.databases();
    open_all(&databases).await.unwrap();
    assert_eq!(t.dump().await, dump);
    assert_eq!(t.rows("SELECT * FROM vault_keys").await, keys);
    databases.close().await;
}

mod stores {
    use super::{
        opening_a_store_on_an_existing_database_takes_at_most_three_statements,
        opening_the_stores_again_changes_nothing,
    };
    on_both! {
        bare: opening_a_store_on_an_existing_database_takes_at_most_three_statements,
        opening_the_stores_again_changes_nothing,
    }
}
