//! Audits that somebody changed behind the back of the store.

use std::sync::Arc;

use store_core::tokens::AuditFaultKind::{self, Edited, HeadMissing, Missing, Unexpected};
use store_core::tokens::{AuditReport, TokenDenial};

use super::{Repository, assert_not_found};
use crate::behaviours;
use crate::fixture::{Tokens, noon};
use crate::samples::{
    assert_intact, denied, full_origin, origin, revoke, stored, time, token, token_id,
};

const AUDIT: &str = "service_token_audit";
const HEADS: &str = "service_token_audit_heads";

/// Stores a token, `a`, with five entries, and another one beside it.
async fn five_entries(t: &Tokens) {
    t.store.create(token("a"), &full_origin()).await.unwrap();
    stored(t, "b").await;
    for number in 2..=4 {
        t.clock.set(time(&format!("12:00:0{number}")));
        let denials = ["a", "b"].map(|id| denied(id, TokenDenial::Scope, number, noon()));
        t.store.record_denials(&denials).await.unwrap();
    }
    t.store.revoke(&token_id("a"), Some("leaked"), false, &full_origin()).await.unwrap();
    assert_intact(t, "a", 5).await;
}

async fn report(t: &Tokens) -> AuditReport {
    t.store.verify_audit(&token_id("a")).await.unwrap()
}

/// The faults of the audit of `a`.
async fn faults(t: &Tokens) -> Vec<(i64, AuditFaultKind)> {
    let report = report(t).await;
    assert_eq!(report.is_intact(), report.faults.is_empty());
    report.faults.into_iter().map(|fault| (fault.sequence, fault.kind)).collect()
}

/// Changes an entry of `a`.
async fn edit(t: &Tokens, sequence: i64, change: &str) {
    t.sql(&format!("UPDATE {AUDIT} SET {change} WHERE identifier = 'a' AND sequence = {sequence}"))
        .await;
}

/// Removes entries of `a`.
async fn remove(t: &Tokens, condition: &str) {
    t.sql(&format!("DELETE FROM {AUDIT} WHERE identifier = 'a' AND {condition}")).await;
}

/// A hash that nothing has, as a literal.
fn foreign_hash(t: &Tokens) -> String {
    let digits = "ab".repeat(32);
    if t.place.is_sqlite() { format!("x'{digits}'") } else { format!("'\\x{digits}'") }
}

behaviours! {
    emits tokens_chain_tests from tokens::chain;

    /// Each entry has the hash of the one before it, and all of them differ.
    async fn each_entry_has_the_hash_of_the_one_before(t: &Tokens) {
        five_entries(t).await;
        let entries = crate::samples::audited(t, "a").await;
        let hashes: std::collections::BTreeSet<_> =
            entries.iter().map(|entry| entry.previous_hash).collect();
        assert_eq!(hashes.len(), 5);
        assert_eq!(entries[0].previous_hash, [0; 32]);
    }

    /// A column of an entry that is edited is named by the place of the entry: the first, one
    /// between, and the newest.
    async fn an_edited_column_is_named(t: &Tokens) {
        five_entries(t).await;
        let edits = [
            "action = 'purged'", "actor = 'mallory'", "ip = '10.6.6.6'", "user_agent = 'x'",
            "details = '{}'", "details = '{\"family\": true, \"reason\": \"leaked\"}'",
            "at = '2026-03-02T11:59:59.999999+00:00'",
        ];
        let columns = "action, actor, ip, user_agent, details, at";
        for sequence in [1, 3, 5] {
            let save = format!("DROP TABLE IF EXISTS saved; CREATE TABLE saved AS SELECT {columns} \
                FROM {AUDIT} WHERE identifier = 'a' AND sequence = {sequence}");
            t.sql(&save).await;
            for change in edits {
                if sequence == 1 && change == "details = '{}'" {
                    continue;
                }
                edit(t, sequence, change).await;
                assert_eq!(faults(t).await, [(sequence, Edited)], "{sequence}: {change}");
                assert_eq!(report(t).await.entries, 5);
                edit(t, sequence, &format!("({columns}) = (SELECT {columns} FROM saved)")).await;
                assert_intact(t, "a", 5).await;
            }
        }
    }

    /// A column that is emptied is named, and one that was empty too.
    async fn an_emptied_or_filled_column_is_named(t: &Tokens) {
        five_entries(t).await;
        for (sequence, change) in
            [(1, "ip = NULL"), (2, "ip = ''"), (3, "user_agent = ''"), (5, "user_agent = NULL")]
        {
            edit(t, sequence, change).await;
            assert!(faults(t).await.contains(&(sequence, Edited)), "{sequence}: {change}");
        }
        assert_eq!(faults(t).await, [(1, Edited), (2, Edited), (3, Edited), (5, Edited)]);
    }

    /// The hash of the entry before is part of an entry.
    async fn an_edited_hash_is_named(t: &Tokens) {
        five_entries(t).await;
        let change = format!("previous_hash = {}", foreign_hash(t));
        edit(t, 3, &change).await;
        assert!(faults(t).await.contains(&(3, Edited)));
        edit(t, 1, &change).await;
        assert!(faults(t).await.contains(&(1, Edited)));
        edit(t, 5, &change).await;
        assert!(faults(t).await.contains(&(5, Edited)));
    }

    /// A first, a middle and a newest entry that is gone is named.
    async fn a_missing_entry_is_named(t: &Tokens) {
        five_entries(t).await;
        remove(t, "sequence = 3").await;
        assert_eq!(faults(t).await, [(3, Missing)]);
        assert_eq!(report(t).await.entries, 4);
        remove(t, "sequence = 1").await;
        assert_eq!(faults(t).await, [(1, Missing), (3, Missing)]);
        remove(t, "sequence = 5").await;
        assert_eq!(faults(t).await, [(1, Missing), (3, Missing), (5, Missing)]);
    }

    /// The newest entry is missed although nothing comes after it.
    async fn a_missing_newest_entry_is_named(t: &Tokens) {
        five_entries(t).await;
        remove(t, "sequence = 5").await;
        assert_eq!(faults(t).await, [(5, Missing)]);
        remove(t, "sequence = 4").await;
        assert_eq!(faults(t).await, [(4, Missing), (5, Missing)]);
    }

    /// The first entry is missed although nothing comes before it.
    async fn a_missing_first_entry_is_named(t: &Tokens) {
        five_entries(t).await;
        remove(t, "sequence <= 2").await;
        assert_eq!(faults(t).await, [(1, Missing), (2, Missing)]);
    }

    /// An audit that is gone whole is missed entry by entry, whether its token is there or not.
    async fn an_audit_that_is_gone_is_missed(t: &Tokens) {
        five_entries(t).await;
        remove(t, "sequence > 0").await;
        let all: Vec<_> = (1..=5).map(|sequence| (sequence, Missing)).collect();
        assert_eq!(faults(t).await, all);
        assert_eq!(report(t).await.entries, 0);
        t.sql("DELETE FROM service_tokens WHERE identifier = 'a'").await;
        assert_eq!(faults(t).await, all);
    }

    /// A head that is gone is named, beside the entries or without any.
    async fn a_missing_head_is_named(t: &Tokens) {
        five_entries(t).await;
        t.sql(&format!("DELETE FROM {HEADS} WHERE identifier = 'a'")).await;
        assert_eq!(faults(t).await, [(5, HeadMissing)]);
        remove(t, "sequence > 0").await;
        let kinds: Vec<_> = faults(t).await.into_iter().map(|(_, kind)| kind).collect();
        assert!(kinds.contains(&HeadMissing), "{kinds:?}");
        t.sql("DELETE FROM service_tokens WHERE identifier = 'a'").await;
        assert_not_found(t.store.verify_audit(&token_id("a")).await);
    }

    /// A head with another hash says that the newest entry is not what was written.
    async fn an_edited_hash_of_the_head_is_named(t: &Tokens) {
        five_entries(t).await;
        let hash = foreign_hash(t);
        t.sql(&format!("UPDATE {HEADS} SET hash = {hash} WHERE identifier = 'a'")).await;
        assert_eq!(faults(t).await, [(5, Edited)]);
    }

    /// A head that is set back or forward does not fit the entries.
    async fn a_moved_head_is_named(t: &Tokens) {
        five_entries(t).await;
        let set = |to: i64| format!("UPDATE {HEADS} SET sequence = {to} WHERE identifier = 'a'");
        t.sql(&set(4)).await;
        assert!(faults(t).await.contains(&(5, Unexpected)));
        t.sql(&set(0)).await;
        for sequence in 1..=5 {
            assert!(faults(t).await.contains(&(sequence, Unexpected)));
        }
        t.sql(&set(7)).await;
        assert_eq!(faults(t).await, [(6, Missing), (7, Missing)]);
    }

    /// Two entries that changed places are both named.
    async fn swapped_entries_are_named(t: &Tokens) {
        five_entries(t).await;
        for (from, to) in [(2, 100), (3, 2), (100, 3)] {
            edit(t, from, &format!("sequence = {to}")).await;
        }
        let faults = faults(t).await;
        assert!(faults.contains(&(2, Edited)) && faults.contains(&(3, Edited)), "{faults:?}");
    }

    /// An entry that was added behind the newest is named, and nothing else is.
    async fn an_added_entry_is_named(t: &Tokens) {
        five_entries(t).await;
        let add = format!(
            "INSERT INTO {AUDIT} SELECT identifier, 6, action, actor, ip, user_agent, details, at, \
             previous_hash FROM {AUDIT} WHERE identifier = 'a' AND sequence = 5"
        );
        t.sql(&add).await;
        assert_eq!(faults(t).await, [(6, Unexpected)]);
    }

    /// An entry of another token does not fit, nor does a whole audit of another.
    async fn an_entry_of_another_token_does_not_fit(t: &Tokens) {
        five_entries(t).await;
        remove(t, "sequence = 3").await;
        let take = format!("UPDATE {AUDIT} SET identifier = 'a' \
            WHERE identifier = 'b' AND sequence = 3");
        t.sql(&take).await;
        assert!(faults(t).await.contains(&(3, Edited)));
        let other = t.store.verify_audit(&token_id("b")).await.unwrap();
        assert_eq!(other.faults[0].sequence, 3);
        assert_eq!(other.faults[0].kind, Missing);
    }

    /// What is wrong with one audit is not held against another.
    async fn an_audit_is_checked_alone(t: &Tokens) {
        five_entries(t).await;
        edit(t, 3, "actor = 'mallory'").await;
        assert_intact(t, "b", 4).await;
    }

    /// A fault stays when entries are added after it, and what is added is sound.
    async fn entries_after_a_fault_do_not_heal_it(t: &Tokens) {
        five_entries(t).await;
        edit(t, 3, "actor = 'mallory'").await;
        let denial = denied("a", TokenDenial::Revoked, 1, noon());
        t.store.record_denials(std::slice::from_ref(&denial)).await.unwrap();
        assert_eq!(faults(t).await, [(3, Edited)]);
        edit(t, 6, "actor = 'mallory'").await;
        t.store.record_denials(&[denial]).await.unwrap();
        assert_eq!(faults(t).await, [(3, Edited), (6, Edited)]);
    }

    /// A report names the first hundred faults.
    async fn a_report_names_the_first_hundred_faults(t: &Tokens) {
        stored(t, "a").await;
        let denials: Vec<_> =
            (2..=150).map(|n| denied("a", TokenDenial::Scope, n, noon())).collect();
        t.store.record_denials(&denials).await.unwrap();
        edit(t, 50, "actor = 'mallory'").await;
        remove(t, "sequence > 52").await;
        let faults = faults(t).await;
        assert_eq!(faults.len(), 100 - 1);
        assert_eq!(faults[..2], [(50, Edited), (53, Missing)]);
        remove(t, "sequence > 0").await;
        let all = report(t).await.faults;
        assert_eq!(all.len(), 100);
        let places: Vec<_> = all.iter().map(|fault| fault.sequence).collect();
        assert_eq!(places, (1..=100).collect::<Vec<_>>());
    }

    /// A head that claims more than there can be ends the check all the same.
    async fn a_head_that_claims_too_much_is_named(t: &Tokens) {
        five_entries(t).await;
        let claim = format!("UPDATE {HEADS} SET sequence = {} WHERE identifier = 'a'", i64::MAX);
        t.sql(&claim).await;
        assert_eq!(faults(t).await.len(), 100);
    }

    /// An audit of thousands of entries is checked whole.
    async fn a_long_audit_is_checked_whole(t: &Tokens) {
        stored(t, "a").await;
        for _ in 0..3 {
            let denials: Vec<_> =
                (0..999).map(|n| denied("a", TokenDenial::Scope, n, noon())).collect();
            t.store.record_denials(&denials).await.unwrap();
        }
        assert_intact(t, "a", 2998).await;
        edit(t, 2500, "actor = 'mallory'").await;
        assert_eq!(faults(t).await, [(2500, Edited)]);
    }

    /// A check beside entries that are added finds nothing wrong.
    async fn a_check_beside_new_entries_finds_nothing_wrong(t: &Tokens) {
        stored(t, "a").await;
        let work = |number: usize, store: Arc<dyn Repository>| async move {
            for _ in 0..40 {
                if number < 2 {
                    let report = store.verify_audit(&token_id("a")).await.unwrap();
                    assert!(report.is_intact(), "{report:?}");
                } else {
                    let one = denied("a", TokenDenial::Scope, 1, noon());
                    store.record_denials(&[one]).await.unwrap();
                }
            }
        };
        t.at_once(6, work).await;
        assert_intact(t, "a", 161).await;
    }

    /// An identifier that never was a token's has nothing to check.
    async fn there_is_nothing_to_check_without_a_token(t: &Tokens) {
        assert_not_found(t.store.verify_audit(&token_id("never")).await);
    }

    /// The audit of a deleted token is checked like any other.
    async fn the_audit_of_a_deleted_token_is_checked(t: &Tokens) {
        stored(t, "a").await;
        revoke(t, "a", false).await;
        t.store.delete(&token_id("a"), &origin()).await.unwrap();
        assert_intact(t, "a", 3).await;
        remove(t, "sequence = 3").await;
        assert_eq!(faults(t).await, [(3, Missing)]);
    }
}
