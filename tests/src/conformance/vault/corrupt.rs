//! Rows that cannot be read: an error that names them, never a credential with fewer restrictions.

use std::fmt::Debug;

use store_core::vault::{AccessContext, CredentialScope};
use store_core::{CredentialId, Error, PageRequest, Result};

use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    assert_vault_intact, caller, credential_now, insider, kept, narrow_scope, operator,
    put_credential, scoped,
};

/// Asserts that an answer says which column of which row cannot be read, and not what it holds.
#[track_caller]
fn assert_corrupt<T: Debug>(answer: Result<T>, expected: (&str, &str)) {
    let error = answer.expect_err("the row cannot be read");
    let Error::Corrupt { table, column, .. } = &error else { panic!("{error}") };
    assert_eq!((*table, *column), expected);
    assert!(!format!("{error} {error:?}").contains("nonsense"), "{error:?}");
}

/// Writes something else into a column of a credential.
async fn spoil(t: &Vaults, id: CredentialId, column: &str, value: &str) {
    let set = format!("UPDATE vault_credentials SET {column} = '{value}'");
    t.sql(&format!("{set} WHERE CAST(id AS TEXT) = '{id}'")).await;
}

/// Lists that are no lists of texts.
const NO_TEXTS: [&str; 4] = ["[1]", "[null]", "[[\"nonsense\"]]", "[\"a\", {\"nonsense\": 1}]"];

const SETS: [&str; 4] = ["scopes", "workflow_ids", "workspace_ids", "roles"];

behaviours! {
    emits vault_corrupt_tests from vault::corrupt;

    /// A set that is no list of texts is named, whichever way an operator reads the credential.
    async fn a_set_of_a_credential_that_cannot_be_read_is_named(t: &Vaults) {
        for column in SETS {
            for value in NO_TEXTS {
                let id = kept(t, "a").await.id;
                spoil(t, id, column, value).await;
                let expected = ("vault_credentials", column);
                let (s, cx, page) = (&t.store, operator(), PageRequest::default());
                assert_corrupt(s.fetch(&cx, id).await, expected);
                assert_corrupt(s.find_by_name(&cx, "a").await, expected);
                assert_corrupt(s.describe(&cx, id).await, expected);
                assert_corrupt(s.list_all(&cx, &page).await, expected);
                assert_corrupt(s.list(&cx, &page).await, expected);
                let error = s.fetch(&cx, id).await.unwrap_err();
                let Error::Corrupt { id: named, .. } = &error else { panic!("{error}") };
                assert_eq!(named, &id.to_string());
                t.sql("DELETE FROM vault_credentials").await;
            }
        }
    }

    /// A scope that cannot be read lets nobody in: nothing is shown, revealed or listed.
    async fn a_scope_that_cannot_be_read_lets_nobody_in(t: &Vaults) {
        let contexts: [AccessContext; 2] = [caller(), insider()];
        for column in ["workflow_ids", "workspace_ids", "roles"] {
            for value in NO_TEXTS {
                let id = put_credential(t, scoped("a", narrow_scope())).await.id;
                spoil(t, id, column, value).await;
                for cx in &contexts {
                    t.store.fetch(cx, id).await.unwrap_err();
                    t.store.reveal(cx, id).await.unwrap_err();
                    let listed = t.store.list(cx, &PageRequest::default()).await;
                    assert!(listed.map_or(true, |page| page.items.is_empty()), "{column} {value}");
                }
                t.sql("DELETE FROM vault_credentials").await;
            }
        }
    }

    /// A credential that cannot be read fails alone.
    async fn a_credential_that_cannot_be_read_fails_alone(t: &Vaults) {
        let (bad, good) = (kept(t, "a").await, kept(t, "b").await);
        spoil(t, bad.id, "scopes", "[1]").await;
        assert_eq!(t.store.fetch(&caller(), good.id).await.unwrap(), good);
        assert_eq!(crate::samples::revealed(t, good.id).await, crate::samples::secret_of("b"));
        spoil(t, bad.id, "scopes", "[]").await;
        assert_eq!(credential_now(t, bad.id).await, bad);
    }

    /// Who stored a version has to be an actor.
    async fn a_version_that_cannot_be_read_is_named(t: &Vaults) {
        let id = kept(t, "a").await.id;
        t.sql("UPDATE vault_secrets SET created_by = ''").await;
        let expected = ("vault_secrets", "created_by");
        assert_corrupt(t.store.versions(&caller(), id).await, expected);
        assert_corrupt(t.store.describe(&caller(), id).await, expected);
    }

    /// An entry of an audit that cannot be read is named, and is not what was written, either.
    async fn an_entry_of_the_vault_that_cannot_be_read_is_named(t: &Vaults) {
        let id = kept(t, "a").await.id;
        let actor = t.rows("SELECT actor FROM vault_audit").await.remove(0).remove(0);
        t.sql("UPDATE vault_audit SET actor = ''").await;
        let page = PageRequest::default();
        let answer = t.store.audit(&caller(), id.into(), &page).await;
        assert_corrupt(answer, ("vault_audit", "actor"));
        let report = t.store.verify_audit(&caller(), id.into()).await.unwrap();
        assert!(!report.is_intact());
        t.sql(&format!("UPDATE vault_audit SET actor = '{actor}'")).await;
        assert_vault_intact(t, id, 1).await;
    }

    /// A scope that somebody emptied in the database is a scope without restrictions: the rows say
    /// who may reach a credential, and whoever writes to them decides.
    async fn a_scope_goes_by_what_the_rows_say(t: &Vaults) {
        let id = put_credential(t, scoped("a", narrow_scope())).await.id;
        for column in ["workflow_ids", "workspace_ids", "roles"] {
            super::assert_forbidden(t.store.fetch(&caller(), id).await);
            spoil(t, id, column, "[]").await;
        }
        let read = t.store.fetch(&caller(), id).await.unwrap();
        assert_eq!(read.scope, CredentialScope::default());
    }
}
