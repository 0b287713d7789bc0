//! Audits of the vault that somebody changed behind its back.

use store_core::audit::AuditFaultKind::{self, Edited, HeadMissing, Missing, Unexpected};
use store_core::audit::AuditReport;
use store_core::vault::HealthStatus;
use store_core::{CredentialId, PageRequest};

use super::envelopes::literal;
use super::{assert_forbidden, assert_not_found};
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    assert_vault_intact, audit_of_vault, caller, kept, operator, put_template, renamed,
    rotate_secret, secret_template, time,
};

/// Stores two credentials with five entries each, all of them different.
async fn five_entries(t: &Vaults) -> (CredentialId, CredentialId) {
    let (a, b) = (kept(t, "a").await.id, kept(t, "b").await.id);
    for id in [a, b] {
        t.clock.set(time("12:00:02"));
        t.store.update(&caller(), id, renamed(&format!("{id}"))).await.unwrap();
        t.clock.set(time("12:00:03"));
        rotate_secret(t, id, "another").await;
        t.store.reveal(&operator(), id).await.unwrap();
        t.store.mark_health(&caller(), id, HealthStatus::Healthy, None).await.unwrap();
        assert_vault_intact(t, id, 5).await;
    }
    (a, b)
}

async fn report(t: &Vaults, id: CredentialId) -> AuditReport {
    t.store.verify_audit(&operator(), id.into()).await.unwrap()
}

/// The faults of an audit.
async fn faults(t: &Vaults, id: CredentialId) -> Vec<(i64, AuditFaultKind)> {
    let report = report(t, id).await;
    assert_eq!(report.is_intact(), report.faults.is_empty());
    report.faults.into_iter().map(|fault| (fault.sequence, fault.kind)).collect()
}

fn of(id: CredentialId) -> String {
    format!("CAST(subject_id AS TEXT) = '{id}'")
}

/// Changes an entry.
async fn edit(t: &Vaults, id: CredentialId, sequence: i64, change: &str) {
    t.sql(&format!("UPDATE vault_audit SET {change} WHERE {} AND sequence = {sequence}", of(id)))
        .await;
}

/// Removes entries.
async fn remove(t: &Vaults, id: CredentialId, condition: &str) {
    t.sql(&format!("DELETE FROM vault_audit WHERE {} AND {condition}", of(id))).await;
}

/// Changes the head of an audit.
async fn set_head(t: &Vaults, id: CredentialId, change: &str) {
    t.sql(&format!("UPDATE vault_audit_heads SET {change} WHERE {}", of(id))).await;
}

/// A hash that nothing has, as a literal.
fn foreign_hash(t: &Vaults) -> String {
    literal(t, &"ab".repeat(32))
}

behaviours! {
    emits vault_chain_tests from vault::chain;

    /// Each entry has the hash of the one before it, and all of them differ.
    async fn each_entry_of_the_vault_has_the_hash_of_the_one_before(t: &Vaults) {
        let (a, b) = five_entries(t).await;
        let mut hashes = std::collections::BTreeSet::new();
        for id in [a, b] {
            let entries = audit_of_vault(t, id).await;
            assert_eq!(entries[0].previous_hash, [0; 32]);
            hashes.extend(entries.iter().map(|entry| entry.previous_hash));
        }
        assert_eq!(hashes.len(), 9, "the first of both have none, and no hash comes twice");
    }

    /// A column of an entry that is edited is named by the place of the entry: the first, one
    /// between, and the newest.
    async fn an_edited_column_of_an_entry_is_named(t: &Vaults) {
        let (id, _) = five_entries(t).await;
        let edits = [
            "action = 'restored'",
            "actor = 'mallory'",
            "details = '{\"edited\": true}'",
            "at = '2026-03-02T11:59:59.999999+00:00'",
        ];
        let columns = "action, actor, details, at";
        for sequence in [1, 3, 5] {
            let save = format!(
                "DROP TABLE IF EXISTS saved; CREATE TABLE saved AS SELECT {columns} \
                 FROM vault_audit WHERE {} AND sequence = {sequence}",
                of(id)
            );
            t.sql(&save).await;
            for change in edits {
                edit(t, id, sequence, change).await;
                assert_eq!(faults(t, id).await, [(sequence, Edited)], "{sequence}: {change}");
                assert_eq!(report(t, id).await.entries, 5);
                let undo = format!("({columns}) = (SELECT {columns} FROM saved)");
                edit(t, id, sequence, &undo).await;
                assert_vault_intact(t, id, 5).await;
            }
        }
    }

    /// An entry that claims to be about a template is not what was written.
    async fn an_entry_about_something_else_is_named(t: &Vaults) {
        let (id, _) = five_entries(t).await;
        edit(t, id, 3, "subject = 'template'").await;
        let faults = faults(t, id).await;
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(matches!(faults[0], (3, Edited | Missing)), "{faults:?}");
    }

    /// The hash of the entry before is part of an entry.
    async fn an_edited_hash_of_an_entry_is_named(t: &Vaults) {
        let (id, _) = five_entries(t).await;
        let change = format!("previous_hash = {}", foreign_hash(t));
        for sequence in [3, 1, 5] {
            edit(t, id, sequence, &change).await;
            assert!(faults(t, id).await.contains(&(sequence, Edited)));
        }
    }

    /// A first, a middle and a newest entry that is gone is named.
    async fn a_missing_entry_of_the_vault_is_named(t: &Vaults) {
        let (id, _) = five_entries(t).await;
        remove(t, id, "sequence = 3").await;
        assert_eq!(faults(t, id).await, [(3, Missing)]);
        assert_eq!(report(t, id).await.entries, 4);
        remove(t, id, "sequence = 1").await;
        assert_eq!(faults(t, id).await, [(1, Missing), (3, Missing)]);
        remove(t, id, "sequence = 5").await;
        assert_eq!(faults(t, id).await, [(1, Missing), (3, Missing), (5, Missing)]);
    }

    /// A reveal that somebody erased, as the newest entry, is missed.
    async fn an_erased_reveal_is_missed(t: &Vaults) {
        let id = kept(t, "a").await.id;
        t.store.reveal(&caller(), id).await.unwrap();
        remove(t, id, "action = 'revealed'").await;
        assert_eq!(faults(t, id).await, [(2, Missing)]);
    }

    /// An audit that is gone whole is missed entry by entry, with its credential and without.
    async fn an_audit_of_the_vault_that_is_gone_is_missed(t: &Vaults) {
        let (id, _) = five_entries(t).await;
        remove(t, id, "sequence > 0").await;
        let all: Vec<_> = (1..=5).map(|sequence| (sequence, Missing)).collect();
        assert_eq!(faults(t, id).await, all);
        assert_eq!(report(t, id).await.entries, 0);
        t.sql(&format!("DELETE FROM vault_credentials WHERE CAST(id AS TEXT) = '{id}'")).await;
        assert_eq!(faults(t, id).await, all);
    }

    /// A head that is gone is named, beside the entries or without any.
    async fn a_missing_head_of_the_vault_is_named(t: &Vaults) {
        let (id, _) = five_entries(t).await;
        t.sql(&format!("DELETE FROM vault_audit_heads WHERE {}", of(id))).await;
        assert_eq!(faults(t, id).await, [(5, HeadMissing)]);
        remove(t, id, "sequence > 0").await;
        let kinds: Vec<_> = faults(t, id).await.into_iter().map(|(_, kind)| kind).collect();
        assert!(kinds.contains(&HeadMissing), "{kinds:?}");
        t.sql(&format!("DELETE FROM vault_credentials WHERE CAST(id AS TEXT) = '{id}'")).await;
        assert_not_found(t.store.verify_audit(&operator(), id.into()).await);
    }

    /// A head with another hash says that the newest entry is not what was written.
    async fn an_edited_hash_of_a_head_is_named(t: &Vaults) {
        let (id, _) = five_entries(t).await;
        set_head(t, id, &format!("hash = {}", foreign_hash(t))).await;
        assert_eq!(faults(t, id).await, [(5, Edited)]);
    }

    /// A head that is set back or forward does not fit the entries.
    async fn a_moved_head_of_the_vault_is_named(t: &Vaults) {
        let (id, _) = five_entries(t).await;
        set_head(t, id, "sequence = 4").await;
        assert!(faults(t, id).await.contains(&(5, Unexpected)));
        set_head(t, id, "sequence = 1").await;
        for sequence in 2..=5 {
            assert!(faults(t, id).await.contains(&(sequence, Unexpected)));
        }
        set_head(t, id, "sequence = 7").await;
        assert_eq!(faults(t, id).await, [(6, Missing), (7, Missing)]);
        set_head(t, id, &format!("sequence = {}", i64::MAX)).await;
        assert_eq!(faults(t, id).await.len(), 100);
    }

    /// Two entries that changed places are both named.
    async fn swapped_entries_of_the_vault_are_named(t: &Vaults) {
        let (id, _) = five_entries(t).await;
        for (from, to) in [(2, 100), (3, 2), (100, 3)] {
            edit(t, id, from, &format!("sequence = {to}")).await;
        }
        let faults = faults(t, id).await;
        assert!(faults.contains(&(2, Edited)) && faults.contains(&(3, Edited)), "{faults:?}");
    }

    /// An entry that was added behind the newest is named, and nothing else is.
    async fn an_added_entry_of_the_vault_is_named(t: &Vaults) {
        let (id, _) = five_entries(t).await;
        let rest = "subject, action, actor, details, at, previous_hash";
        let add = format!(
            "INSERT INTO vault_audit (subject_id, sequence, {rest}) \
             SELECT subject_id, 6, {rest} FROM vault_audit WHERE {} AND sequence = 5",
            of(id)
        );
        t.sql(&add).await;
        assert_eq!(faults(t, id).await, [(6, Unexpected)]);
    }

    /// An entry of another credential does not fit.
    async fn an_entry_of_another_credential_does_not_fit(t: &Vaults) {
        let (a, b) = five_entries(t).await;
        remove(t, a, "sequence = 3").await;
        let take = format!(
            "UPDATE vault_audit SET subject_id = \
             (SELECT subject_id FROM vault_audit_heads WHERE {}) WHERE {} AND sequence = 3",
            of(a),
            of(b)
        );
        t.sql(&take).await;
        assert!(faults(t, a).await.contains(&(3, Edited)));
        assert_eq!(faults(t, b).await, [(3, Missing)]);
    }

    /// What is wrong with one audit is not held against another.
    async fn an_audit_of_the_vault_is_checked_alone(t: &Vaults) {
        let (a, b) = five_entries(t).await;
        edit(t, a, 3, "actor = 'mallory'").await;
        assert_vault_intact(t, b, 5).await;
        let template = put_template(t, secret_template("a")).await.id;
        assert_vault_intact(t, template, 1).await;
    }

    /// A fault stays when entries are added after it, and what is added is sound.
    async fn entries_after_a_fault_of_the_vault_do_not_heal_it(t: &Vaults) {
        let (id, _) = five_entries(t).await;
        edit(t, id, 3, "actor = 'mallory'").await;
        t.store.reveal(&caller(), id).await.unwrap();
        assert_eq!(faults(t, id).await, [(3, Edited)]);
        edit(t, id, 6, "actor = 'mallory'").await;
        t.store.reveal(&caller(), id).await.unwrap();
        assert_eq!(faults(t, id).await, [(3, Edited), (6, Edited)]);
    }

    /// An audit of hundreds of entries is checked whole.
    async fn a_long_audit_of_the_vault_is_checked_whole(t: &Vaults) {
        let id = kept(t, "a").await.id;
        for _ in 0..300 {
            t.store.reveal(&caller(), id).await.unwrap();
        }
        assert_vault_intact(t, id, 301).await;
        edit(t, id, 250, "actor = 'mallory'").await;
        assert_eq!(faults(t, id).await, [(250, Edited)]);
        remove(t, id, "sequence > 10").await;
        assert_eq!(faults(t, id).await.len(), 100, "the first hundred faults");
    }

    /// The audit of a deleted credential is checked like any other, by operators.
    async fn the_audit_of_a_deleted_credential_is_checked(t: &Vaults) {
        let (id, _) = five_entries(t).await;
        t.store.delete(&caller(), id).await.unwrap();
        assert_vault_intact(t, id, 6).await;
        remove(t, id, "sequence = 6").await;
        assert_eq!(faults(t, id).await, [(6, Missing)]);
    }

    /// A fault does not open an audit to those out of reach, and entries around it are listed.
    async fn an_audit_with_a_fault_is_still_listed(t: &Vaults) {
        let id = kept(t, "a").await.id;
        t.store.reveal(&caller(), id).await.unwrap();
        t.store.reveal(&caller(), id).await.unwrap();
        remove(t, id, "sequence = 2").await;
        let places: Vec<_> =
            audit_of_vault(t, id).await.into_iter().map(|entry| entry.sequence).collect();
        assert_eq!(places, [1, 3]);
        let narrow = store_core::vault::CredentialUpdate {
            scope: Some(crate::samples::narrow_scope()),
            ..Default::default()
        };
        t.store.update(&caller(), id, narrow).await.unwrap();
        let page = PageRequest::default();
        assert_forbidden(t.store.audit(&caller(), id.into(), &page).await);
    }
}
