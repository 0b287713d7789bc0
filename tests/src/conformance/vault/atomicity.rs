//! A change and its entry in the audit are one transaction: without the one, not the other.

use std::time::Duration;

use store_core::vault::{NewIssuance, VaultSubject};

use super::calls::writing;
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    caller, kept_oauth, numbered_tokens, put_template, revealed, rotate_secret, secret_of,
    secret_template,
};

const MINUTE: Duration = Duration::from_secs(60);

/// Puts an entry where the next one of an audit would be, so that this one cannot be written.
async fn block(t: &Vaults, subject: impl Into<VaultSubject>) {
    let rest = "subject, action, actor, details, at, previous_hash";
    let newest = format!("CAST(subject_id AS TEXT) = '{}'", subject.into());
    let add = format!(
        "INSERT INTO vault_audit (subject_id, sequence, {rest}) \
         SELECT subject_id, sequence + 1, {rest} FROM vault_audit WHERE {newest} \
         AND sequence = (SELECT MAX(sequence) FROM vault_audit WHERE {newest})"
    );
    t.sql(&add).await;
}

behaviours! {
    emits vault_atomicity_tests from vault::atomicity;

    /// What cannot be written to the audit does not happen: no change, no reveal.
    async fn without_its_entry_nothing_happens(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        rotate_secret(t, id, "the secret of today").await;
        rotate_secret(t, id, "the secret of now").await;
        block(t, id).await;
        let before = t.contents().await;
        for (call, answer) in writing(t.store.as_ref(), &caller(), id).await {
            let error = answer.expect_err(call);
            assert!(!format!("{error} {error:?}").contains("the secret of"), "{call}: {error:?}");
            assert_eq!(t.contents().await, before, "{call}");
        }
        t.store.delete(&caller(), id).await.unwrap_err();
        assert_eq!(t.contents().await, before, "delete");
    }

    /// A refresh that cannot be written to the audit neither stores tokens nor ends the lease.
    async fn without_its_entry_a_refresh_keeps_its_lease(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let lease = t.store.acquire_refresh_lease(&caller(), id, "o", MINUTE).await;
        let lease = lease.unwrap().unwrap();
        block(t, id).await;
        let before = t.contents().await;
        let tokens = numbered_tokens(2, None);
        t.store.complete_refresh(&caller(), &lease, tokens.clone()).await.unwrap_err();
        assert_eq!(t.contents().await, before);
        t.sql("DELETE FROM vault_audit WHERE sequence = 2").await;
        t.store.complete_refresh(&caller(), &lease, tokens).await.unwrap();
        crate::samples::assert_vault_intact(t, id, 2).await;
    }

    /// Once the entry can be written again, everything works as before.
    async fn what_failed_can_be_done_again(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        block(t, id).await;
        t.store.reveal(&caller(), id).await.unwrap_err();
        t.sql("DELETE FROM vault_audit WHERE sequence = 2").await;
        assert_eq!(revealed(t, id).await, secret_of("a"));
        crate::samples::assert_vault_intact(t, id, 2).await;
    }

    /// An audit in the way of another credential is not in the way of this one.
    async fn what_fails_fails_alone(t: &Vaults) {
        let (a, b) = (kept_oauth(t, "a").await.id, kept_oauth(t, "b").await.id);
        block(t, a).await;
        for (call, answer) in writing(t.store.as_ref(), &caller(), b).await {
            answer.expect(call);
        }
    }

    /// Concurrent reveals of which one cannot be written fail alone.
    async fn a_reveal_that_fails_does_not_fail_others(t: &Vaults) {
        let mut ids = Vec::new();
        for number in 0..8 {
            ids.push(kept_oauth(t, &number.to_string()).await.id);
        }
        block(t, ids[3]).await;
        let of_task = ids.clone();
        let work = move |number: usize, store: std::sync::Arc<dyn store_core::vault::VaultStore>| {
            let id = of_task[number % 8];
            async move { store.reveal(&caller(), id).await.map(drop) }
        };
        for (number, answer) in t.at_once(32, work).await.into_iter().enumerate() {
            assert_eq!(answer.is_err(), number % 8 == 3, "{number}: {answer:?}");
        }
        for (number, id) in ids.into_iter().enumerate() {
            if number != 3 {
                crate::samples::assert_vault_intact(t, id, 5).await;
            }
        }
    }

    /// A credential whose issuance cannot be recorded is not there, and its name is free.
    async fn without_its_issuance_no_credential_is_issued(t: &Vaults) {
        let template = put_template(t, secret_template("t")).await.id;
        let before = t.contents().await;
        t.sql("ALTER TABLE vault_issuances RENAME TO hidden").await;
        let issued = t.store.issue_from_template(&caller(), template, NewIssuance::of("s")).await;
        t.sql("ALTER TABLE hidden RENAME TO vault_issuances").await;
        issued.unwrap_err();
        assert_eq!(t.contents().await, before);
        t.store.issue_from_template(&caller(), template, NewIssuance::of("s")).await.unwrap();
    }
}
