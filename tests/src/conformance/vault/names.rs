//! Names: no two credentials have the same one, whatever its case.

use std::sync::Arc;

use store_core::vault::VaultStore;
use store_core::{CredentialId, Error};

use super::assert_conflict;
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    caller, credential, credential_now, insider, kept, narrow_scope, operator, put_credential,
    renamed, scoped,
};

/// Asserts that an answer is a conflict of credentials, and returns whose.
#[track_caller]
fn conflicting<T: std::fmt::Debug>(answer: store_core::Result<T>) -> CredentialId {
    match answer.expect_err("the name is taken") {
        Error::Conflict { entity, id, .. } => {
            assert_eq!(entity, "credential");
            id.parse().expect("the id of a credential")
        }
        other => panic!("conflict: {other}"),
    }
}

/// Names that are the same, whatever their case.
const SAME: [(&str, &str); 9] = [
    ("slack", "SLACK"),
    ("Slack Token 1", "sLACK tOKEN 1"),
    ("äöü", "ÄÖÜ"),
    ("οδός", "ΟΔΌΣ"),
    ("straße", "STRAẞE"),
    ("дом", "ДОМ"),
    ("\u{1c6}", "\u{1c5}"),
    ("ﬀ straße", "ﬀ STRAẞE"),
    ("🎉 a", "🎉 A"),
];

/// Names that are not.
const DIFFERENT: [(&str, &str); 8] = [
    ("i", "ı"),
    ("I", "ı"),
    ("I", "İ"),
    ("a b", "a  b"),
    ("a", "á"),
    ("a_b", "a-b"),
    ("α", "a"),
    ("1", "１"),
];

behaviours! {
    emits vault_names_tests from vault::names;

    /// A name that is taken conflicts, whatever its case and the space around it.
    async fn a_name_is_taken_whatever_its_case(t: &Vaults) {
        for (one, other) in SAME {
            let id = kept(t, one).await.id;
            for name in [one.to_owned(), other.to_owned(), format!("  {other}\u{2003}")] {
                let refused = t.store.create(&caller(), credential(&name)).await;
                assert_ne!(conflicting(refused), id, "the id of the new record");
            }
            let found = t.store.find_by_name(&caller(), other).await.unwrap().unwrap();
            assert_eq!((found.id, found.name.as_str()), (id, one));
            t.store.delete(&caller(), id).await.unwrap();
        }
    }

    /// Names that only look alike are different names.
    async fn names_that_look_alike_are_different(t: &Vaults) {
        for (one, other) in DIFFERENT {
            let ids = [kept(t, one).await.id, kept(t, other).await.id];
            for (name, id) in [one, other].into_iter().zip(ids) {
                let found = t.store.find_by_name(&caller(), name).await.unwrap().unwrap();
                assert_eq!((found.id, found.name.as_str()), (id, name));
                t.store.delete(&caller(), id).await.unwrap();
            }
        }
    }

    /// Of 8 concurrent creates of one name, whatever its case, one succeeds.
    async fn of_concurrent_creates_of_one_name_one_succeeds(t: &Vaults) {
        for round in 0..4 {
            let names = ["näme", "NÄME", "Näme", " nÄme"].map(|name| format!("{name}{round} "));
            let work = move |number: usize, store: Arc<dyn VaultStore>| {
                let new = credential(&names[number % 4]);
                async move { store.create(&caller(), new).await }
            };
            let answers = t.at_once(8, work).await;
            let (good, bad): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
            assert_eq!((good.len(), bad.len()), (1, 7));
            bad.into_iter().for_each(assert_conflict);
            let created = good.into_iter().next().unwrap().unwrap();
            assert_eq!(credential_now(t, created.id).await, created);
        }
        for table in ["credentials", "secrets", "audit", "audit_heads"] {
            assert_eq!(t.count(&format!("SELECT COUNT(*) FROM vault_{table}")).await, 4, "{table}");
        }
    }

    /// Concurrent creates of different names all succeed.
    async fn concurrent_creates_of_different_names_succeed(t: &Vaults) {
        let work = |number: usize, store: Arc<dyn VaultStore>| async move {
            store.create(&caller(), credential(&format!("n{number}"))).await.unwrap().id
        };
        let ids: std::collections::BTreeSet<_> = t.at_once(32, work).await.into_iter().collect();
        assert_eq!(ids.len(), 32);
    }

    /// A credential is not renamed onto another, and stays as it was.
    async fn a_credential_is_not_renamed_onto_another(t: &Vaults) {
        kept(t, "Taken ΟΔΌΣ").await;
        let id = kept(t, "free").await.id;
        let contents = t.contents().await;
        for name in ["Taken ΟΔΌΣ", "taken οδός", " TAKEN οδός "] {
            let refused = t.store.update(&caller(), id, renamed(name)).await;
            assert_eq!(conflicting(refused), id, "the id of the one that was to change");
        }
        assert_eq!(t.contents().await, contents);
    }

    /// Of concurrent renames to one name one succeeds.
    async fn of_concurrent_renames_to_one_name_one_succeeds(t: &Vaults) {
        let mut ids = Vec::new();
        for number in 0..8 {
            ids.push(kept(t, &number.to_string()).await.id);
        }
        let work = move |number: usize, store: Arc<dyn VaultStore>| {
            let id = ids[number];
            let name = if number.is_multiple_of(3) { "GOAL" } else { "goal" };
            async move { store.update(&caller(), id, renamed(name)).await }
        };
        let answers = t.at_once(8, work).await;
        let (good, bad): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((good.len(), bad.len()), (1, 7));
        bad.into_iter().for_each(assert_conflict);
        let winner = good.into_iter().next().unwrap().unwrap();
        let found = t.store.find_by_name(&caller(), "goal").await.unwrap();
        assert_eq!(found, Some(winner));
    }

    /// A name is free again once its credential is renamed.
    async fn a_name_is_free_after_a_rename(t: &Vaults) {
        let first = kept(t, "a").await.id;
        t.store.update(&caller(), first, renamed("b")).await.unwrap();
        let second = kept(t, "A").await.id;
        let refused = t.store.update(&caller(), first, renamed("a")).await;
        assert_eq!(conflicting(refused), first);
        t.store.delete(&caller(), second).await.unwrap();
        t.store.update(&caller(), first, renamed("a")).await.unwrap();
    }

    /// Two credentials change their names by way of a third.
    async fn names_can_be_exchanged(t: &Vaults) {
        let (a, b) = (kept(t, "a").await.id, kept(t, "b").await.id);
        for (id, name) in [(a, "c"), (b, "a"), (a, "b")] {
            t.store.update(&caller(), id, renamed(name)).await.unwrap();
        }
        for (id, name) in [(a, "b"), (b, "a")] {
            assert_eq!(credential_now(t, id).await.name, name);
            let found = t.store.find_by_name(&caller(), name).await.unwrap().unwrap();
            assert_eq!(found.id, id);
        }
    }

    /// A name is taken by a credential out of reach as well, and the conflict says nothing of it.
    async fn a_name_out_of_reach_is_taken_too(t: &Vaults) {
        let new = scoped("a", narrow_scope());
        let hidden = put_credential(t, new).await.id;
        let error = t.store.create(&caller(), credential("A")).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains(&hidden.to_string()), "{error:?}");
        assert_conflict(Err::<(), _>(error));
        for cx in [insider(), operator()] {
            assert_conflict(t.store.create(&cx, credential("A")).await);
        }
    }

    /// The database itself refuses a second credential of one name.
    async fn the_database_refuses_a_second_credential_of_one_name(t: &Vaults) {
        let id = kept(t, "Späße").await.id;
        let keys = t.rows("SELECT name, name_key FROM vault_credentials").await;
        assert_eq!(keys[0][0], "Späße");
        assert_ne!(keys[0][1], keys[0][0], "compared without regard to case");
        // What another program wrote, by the rules of this one, is in the way as well.
        let other = kept(t, "other").await.id;
        let set = format!("UPDATE vault_credentials SET name_key = '{}x'", keys[0][1]);
        t.sql(&format!("{set} WHERE CAST(id AS TEXT) = '{other}'")).await;
        let refused = t.store.update(&caller(), id, renamed("SPÄßEX")).await;
        assert_eq!(conflicting(refused), id);
    }
}
