//! How many statements an operation sends.

use std::collections::BTreeSet;

use store_core::PageRequest;
use store_core::vault::CredentialScope;

use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    caller, insider, kept, kept_oauth, narrow_scope, operator, put_credential, rotate_secret,
    scoped,
};

/// Stores credentials of which some are within reach of an insider.
async fn many(t: &Vaults, count: usize) {
    for number in 0..count {
        let scope = match number % 3 {
            0 => CredentialScope::default(),
            1 => narrow_scope(),
            _ => CredentialScope::of_workflow("elsewhere"),
        };
        put_credential(t, scoped(&format!("{number:03}"), scope)).await;
    }
}

behaviours! {
    emits vault_statements_tests from vault::statements;

    /// A page of credentials is one query, however many there are and whoever asks.
    async fn a_page_of_credentials_is_one_query(t: &Vaults) {
        many(t, 60).await;
        for limit in [1, 10, 1000] {
            let page = PageRequest::first(limit);
            for cx in [caller(), insider(), operator()] {
                let before = t.statements();
                t.store.list(&cx, &page).await.unwrap();
                assert_eq!(t.statements() - before, 1, "{limit}: {cx:?}");
            }
            let before = t.statements();
            t.store.list_all(&operator(), &page).await.unwrap();
            assert_eq!(t.statements() - before, 1, "{limit}");
        }
    }

    /// A credential is read by one query, by its id and by its name, also when it is denied.
    async fn a_credential_is_read_by_one_query(t: &Vaults) {
        let id = put_credential(t, scoped("a", narrow_scope())).await.id;
        for cx in [insider(), operator(), caller()] {
            let before = t.statements();
            assert_eq!(t.store.fetch(&cx, id).await.is_ok(), cx != caller());
            assert_eq!(t.statements() - before, 1);
            let before = t.statements();
            assert_eq!(t.store.find_by_name(&cx, "A").await.is_ok(), cx != caller());
            assert_eq!(t.statements() - before, 1);
        }
    }

    /// What is read of one credential takes no more statements when there is more of it.
    async fn reading_takes_no_more_statements_when_there_is_more(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let page = PageRequest::first(1000);
        let mut counts = Vec::new();
        for round in 0..2 {
            let mut count = Vec::new();
            let before = t.statements();
            t.store.describe(&caller(), id).await.unwrap();
            count.push(t.statements() - before);
            let before = t.statements();
            t.store.versions(&caller(), id).await.unwrap();
            count.push(t.statements() - before);
            let before = t.statements();
            t.store.audit(&caller(), id.into(), &page).await.unwrap();
            count.push(t.statements() - before);
            counts.push(count);
            for number in 0..10 {
                rotate_secret(t, id, &format!("secret {round} {number}")).await;
                kept(t, &format!("{round} {number}")).await;
            }
        }
        assert_eq!(counts[0], counts[1]);
    }

    /// What is written takes no more statements when there is more beside it.
    async fn writing_takes_no_more_statements_when_there_is_more(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        for number in 0..6 {
            rotate_secret(t, id, &format!("secret {number}")).await;
        }
        let mut counts = BTreeSet::new();
        for round in 0..3 {
            let before = t.statements();
            t.store.reveal(&caller(), id).await.unwrap();
            rotate_secret(t, id, &format!("another {round}")).await;
            counts.insert(t.statements() - before);
            many_named(t, round).await;
        }
        assert_eq!(counts.len(), 1, "{counts:?}");
    }
}

/// Stores more credentials, named after a round.
async fn many_named(t: &Vaults, round: usize) {
    for number in 0..10 {
        kept(t, &format!("{round}-{number}")).await;
    }
}
