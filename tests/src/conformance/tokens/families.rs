//! Revoking a token with all it was rotated from and to.

use std::sync::Arc;
use std::time::Duration;

use store_core::Error;
use tokio::sync::watch;

use super::Repository;
use crate::behaviours;
use crate::fixture::Tokens;
use crate::samples::{
    assert_intact, audited, deeds, origin, read, revoke, rotate, rotation, stored, token_id,
};

const MINUTE: Duration = Duration::from_secs(60);

/// Stores a token and rotates it until there are so many: `<name>1`, `<name>2` and so on.
async fn family(t: &Tokens, name: &str, members: usize) {
    stored(t, &format!("{name}1")).await;
    for number in 1..members {
        let new = rotation(&format!("{name}{}", number + 1), MINUTE);
        rotate(t, &format!("{name}{number}"), new).await;
    }
}

/// How many tokens of a family are not revoked.
async fn survivors(t: &Tokens, first: &str) -> i64 {
    let query = format!(
        "SELECT COUNT(*) FROM service_tokens WHERE family = '{first}' AND revoked_at IS NULL"
    );
    t.count(&query).await
}

behaviours! {
    emits tokens_families_tests from tokens::families;

    /// From whichever member, a family is revoked whole; it is returned by identifier.
    async fn a_family_is_revoked_from_any_member(t: &Tokens) {
        for start in 1..=4 {
            let name = format!("f{start}/");
            family(t, &name, 4).await;
            let all: Vec<String> = (1..=4).map(|number| format!("{name}{number}")).collect();
            assert_eq!(revoke(t, &format!("{name}{start}"), true).await, all);
            assert_eq!(survivors(t, &format!("{name}1")).await, 0);
        }
    }

    /// Tokens of other families are left alone.
    async fn other_families_are_left_alone(t: &Tokens) {
        family(t, "a", 3).await;
        family(t, "b", 3).await;
        stored(t, "c").await;
        revoke(t, "a2", true).await;
        assert_eq!(survivors(t, "b1").await, 3);
        assert_eq!(read(t, "c").await.revoked_at, None);
    }

    /// Members that were revoked before keep their instant and reason, and are not returned.
    async fn members_that_were_revoked_before_are_left_as_they_are(t: &Tokens) {
        family(t, "a", 3).await;
        t.store.revoke(&token_id("a2"), Some("first"), false, &origin()).await.unwrap();
        let second = read(t, "a2").await;
        t.clock.advance(MINUTE).unwrap();
        let rest = t.store.revoke(&token_id("a2"), Some("second"), true, &origin()).await.unwrap();
        let reasons: Vec<_> =
            rest.iter().map(|token| (token.identifier.as_str(), token.revocation_reason.as_deref()))
                .collect();
        assert_eq!(reasons, [("a1", Some("second")), ("a3", Some("second"))]);
        assert_eq!(read(t, "a2").await, second);
        assert_eq!(deeds(t, "a2").await, ["created", "rotated", "revoked"]);
    }

    /// Each member has an entry of its own that says that the family was revoked.
    async fn each_member_of_a_revoked_family_is_audited(t: &Tokens) {
        family(t, "a", 3).await;
        revoke(t, "a2", true).await;
        for identifier in ["a1", "a2", "a3"] {
            let last = audited(t, identifier).await.pop().unwrap();
            assert_eq!(last.action.as_str(), "revoked");
            assert_eq!(last.details, serde_json::json!({"family": true}), "{identifier}");
        }
        assert_intact(t, "a1", 3).await;
        assert_intact(t, "a3", 2).await;
    }

    /// A family without its first member is still one.
    async fn a_family_outlives_its_first_member(t: &Tokens) {
        family(t, "a", 4).await;
        for deleted in ["a1", "a3"] {
            t.store.delete(&token_id(deleted), &origin()).await.unwrap();
        }
        assert_eq!(revoke(t, "a4", true).await, ["a2", "a4"]);
        assert_eq!(survivors(t, "a1").await, 0);
    }

    /// A large family is revoked whole.
    async fn a_large_family_is_revoked_whole(t: &Tokens) {
        family(t, "a", 120).await;
        assert_eq!(revoke(t, "a60", true).await.len(), 120);
        assert_eq!(survivors(t, "a1").await, 0);
    }

    /// However rotations on two handles fall beside it, no member outlives the revocation of its
    /// family.
    async fn no_member_survives_beside_rotations(t: &Tokens) {
        for round in 0..12_usize {
            let first = format!("r{round}/0");
            stored(t, &first).await;
            let (progress, _) = watch::channel(0);
            let progress = Arc::new(progress);
            let work = |number: usize, store: Arc<dyn Repository>| {
                let (progress, first) = (Arc::clone(&progress), token_id(&first));
                async move {
                    if number == 0 {
                        let mut seen = progress.subscribe();
                        seen.wait_for(|done| *done >= round % 6).await.unwrap();
                        store.revoke(&first, None, true, &origin()).await.unwrap();
                        return;
                    }
                    for step in 0..12 {
                        let old = token_id(&format!("r{round}/{step}"));
                        let new = rotation(&format!("r{round}/{}", step + 1), MINUTE);
                        match store.rotate(&old, new, &origin()).await {
                            Ok(_) => progress.send_modify(|done| *done += 1),
                            Err(Error::InvalidState { .. } | Error::NotFound { .. }) => {}
                            Err(Error::Conflict { .. }) => {}
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
            };
            t.at_once(6, work).await;
            assert_eq!(survivors(t, &first).await, 0, "round {round}");
            let members = format!("SELECT identifier FROM service_tokens WHERE family = '{first}'");
            for row in t.rows(&members).await {
                let entries = audited(t, &row[0]).await.len() as u64;
                assert_intact(t, &row[0], entries).await;
            }
        }
    }

    /// Concurrent revocations of a family from all of its members revoke each member once.
    async fn concurrent_revocations_of_a_family_revoke_each_member_once(t: &Tokens) {
        family(t, "a", 10).await;
        let work = |number: usize, store: Arc<dyn Repository>| async move {
            let member = token_id(&format!("a{}", number + 1));
            store.revoke(&member, None, true, &origin()).await.unwrap()
        };
        let revoked: Vec<_> = t.at_once(10, work).await.into_iter().flatten().collect();
        assert_eq!(revoked.len(), 10);
        for number in 1..=10 {
            let deeds = deeds(t, &format!("a{number}")).await;
            assert_eq!(deeds.iter().filter(|deed| **deed == "revoked").count(), 1);
        }
    }
}
