//! The lease on refreshing tokens: one holder, epochs, and what a lost one cannot do.

use std::sync::Arc;
use std::time::Duration;

use store_core::vault::{RefreshLease, VaultStore};
use store_core::{CredentialId, Error};

use super::assert_lease_lost;
use crate::behaviours;
use crate::fixture::Vaults;
use crate::samples::{
    assert_vault_intact, caller, credential_now, kept_oauth, numbered_tokens, operator,
    revealed_tokens, shown, time,
};

const MINUTE: Duration = Duration::from_secs(60);

/// Takes the lease for a minute.
pub(super) async fn acquire(t: &Vaults, id: CredentialId, owner: &str) -> Option<RefreshLease> {
    let lease = t.store.acquire_refresh_lease(&caller(), id, owner, MINUTE).await;
    lease.expect("the credential has tokens")
}

/// Asserts that a lease lets nothing be done, and that nothing was.
pub(super) async fn assert_powerless(t: &Vaults, lease: &RefreshLease) {
    let before = t.contents().await;
    for cx in [caller(), operator()] {
        assert_lease_lost(t.store.renew_refresh_lease(&cx, lease, MINUTE).await);
        let tokens = numbered_tokens(99, None);
        assert_lease_lost(t.store.complete_refresh(&cx, lease, tokens).await);
        assert_lease_lost(t.store.release_refresh_lease(&cx, lease).await);
    }
    assert_eq!(t.contents().await, before);
}

/// A lease that somebody else took after its minute, and the new one.
pub(super) async fn taken_over(t: &Vaults, id: CredentialId) -> (RefreshLease, RefreshLease) {
    let old = acquire(t, id, "a").await.unwrap();
    t.clock.advance(MINUTE).unwrap();
    (old, acquire(t, id, "b").await.unwrap())
}

behaviours! {
    emits vault_leases_tests from vault::leases;

    /// An acquisition gives the lease until its time is over.
    async fn an_acquisition_gives_the_lease(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let lease = acquire(t, id, "späße 🎉").await.unwrap();
        let expected = RefreshLease {
            credential_id: id,
            owner: "späße 🎉".into(),
            epoch: 1,
            expires_at: time("12:01:00"),
        };
        assert_eq!(lease, expected);
    }

    /// While a lease lasts nobody gets it, its owner neither; from its end on somebody does, in a
    /// new epoch.
    async fn a_lease_has_one_holder_until_its_end(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        acquire(t, id, "a").await.unwrap();
        let other = t.reopened().await;
        for instant in ["12:00:00", "12:00:59", "12:00:59.999999"] {
            t.clock.set(time(instant));
            assert_eq!(acquire(t, id, "b").await, None, "{instant}");
            assert_eq!(acquire(t, id, "a").await, None, "the same owner is no exception");
            let lease = other.acquire_refresh_lease(&operator(), id, "c", MINUTE).await;
            assert_eq!(lease.unwrap(), None, "nor is an operator");
        }
        t.clock.set(time("12:01:00"));
        let second = acquire(t, id, "b").await.unwrap();
        assert_eq!((second.epoch, second.owner.as_str()), (2, "b"));
        assert_eq!(second.expires_at, time("12:02:00"));
    }

    /// Of 20 tasks that want a lease, one gets it.
    async fn of_20_tasks_one_holds_the_lease(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        for epoch in 1..=3 {
            let work = move |number: usize, store: Arc<dyn VaultStore>| async move {
                let owner = format!("owner {}", number % 7);
                store.acquire_refresh_lease(&caller(), id, &owner, MINUTE).await.unwrap()
            };
            let held: Vec<_> = t.at_once(20, work).await.into_iter().flatten().collect();
            assert_eq!(held.len(), 1, "{held:?}");
            assert_eq!(held[0].epoch, epoch);
            t.clock.advance(MINUTE).unwrap();
        }
    }

    /// Each credential has a lease of its own.
    async fn each_credential_has_its_own_lease(t: &Vaults) {
        let (a, b) = (kept_oauth(t, "a").await.id, kept_oauth(t, "b").await.id);
        let first = acquire(t, a, "o").await.unwrap();
        let second = acquire(t, b, "o").await.unwrap();
        assert_eq!((first.epoch, second.epoch), (1, 1));
        let crossed = RefreshLease { credential_id: b, ..taken_again(t, a, &first).await };
        assert_powerless(t, &crossed).await;
        t.store.release_refresh_lease(&caller(), &second).await.unwrap();
    }

    /// Renewing extends a lease from now on, and keeps its epoch.
    async fn renewing_extends_a_lease_from_now_on(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let lease = acquire(t, id, "a").await.unwrap();
        t.clock.set(time("12:00:45"));
        let renewed = t.store.renew_refresh_lease(&caller(), &lease, MINUTE * 2).await.unwrap();
        let expected = RefreshLease { expires_at: time("12:02:45"), ..lease.clone() };
        assert_eq!(renewed, expected);
        t.clock.set(time("12:02:44.999999"));
        assert_eq!(acquire(t, id, "b").await, None);
        // The lease as it was before it was renewed is the same lease.
        let again = t.store.renew_refresh_lease(&caller(), &lease, MINUTE).await.unwrap();
        assert_eq!((again.epoch, again.expires_at), (1, time("12:03:44.999999")));
    }

    /// Renewing may shorten a lease as well.
    async fn renewing_may_shorten_a_lease(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let lease = acquire(t, id, "a").await.unwrap();
        let second = Duration::from_secs(1);
        let renewed = t.store.renew_refresh_lease(&caller(), &lease, second).await.unwrap();
        assert_eq!(renewed.expires_at, time("12:00:01"));
        t.clock.set(time("12:00:01"));
        assert_eq!(acquire(t, id, "b").await.unwrap().epoch, 2);
    }

    /// A lease that ran out is renewed as long as nobody took it.
    async fn a_lease_that_nobody_took_is_renewed_late(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let lease = acquire(t, id, "a").await.unwrap();
        t.clock.set(time("18:00:00"));
        let renewed = t.store.renew_refresh_lease(&caller(), &lease, MINUTE).await.unwrap();
        assert_eq!((renewed.epoch, renewed.expires_at), (1, time("18:01:00")));
        assert_eq!(acquire(t, id, "b").await, None);
    }

    /// A lease that is given back can be taken at once, in a new epoch.
    async fn a_lease_that_was_given_back_is_free(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let first = acquire(t, id, "a").await.unwrap();
        t.store.release_refresh_lease(&caller(), &first).await.unwrap();
        assert_powerless(t, &first).await;
        let second = acquire(t, id, "a").await.unwrap();
        assert_eq!(second.epoch, 2);
        assert_powerless(t, &first).await;
        t.store.release_refresh_lease(&caller(), &second).await.unwrap();
        assert_eq!(acquire(t, id, "b").await.unwrap().epoch, 3);
    }

    /// Who lost the lease to somebody else can do nothing with it; the new holder can.
    async fn who_lost_the_lease_can_do_nothing(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let (old, new) = taken_over(t, id).await;
        assert_powerless(t, &old).await;
        t.store.renew_refresh_lease(&caller(), &new, MINUTE).await.unwrap();
        let tokens = numbered_tokens(2, None);
        t.store.complete_refresh(&caller(), &new, tokens.clone()).await.unwrap();
        assert_eq!(revealed_tokens(t, id).await, (shown(&tokens), 2));
        assert_powerless(t, &old).await;
        assert_powerless(t, &new).await;
    }

    /// A lease that the same owner took again is another lease.
    async fn a_lease_of_an_older_epoch_is_lost_to_its_owner_too(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let old = acquire(t, id, "a").await.unwrap();
        t.clock.advance(MINUTE).unwrap();
        let new = acquire(t, id, "a").await.unwrap();
        assert_eq!(new.epoch, 2);
        assert_powerless(t, &old).await;
        t.store.release_refresh_lease(&caller(), &new).await.unwrap();
    }

    /// A lease that nobody was given is none.
    async fn a_made_up_lease_is_none(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let made_up = |epoch| RefreshLease {
            credential_id: id,
            owner: "a".into(),
            epoch,
            expires_at: time("18:00:00"),
        };
        assert_powerless(t, &made_up(0)).await;
        assert_powerless(t, &made_up(1)).await;
        acquire(t, id, "a").await.unwrap();
        for epoch in [0, 2, -1, i64::MAX, i64::MIN] {
            assert_powerless(t, &made_up(epoch)).await;
        }
        let unknown = RefreshLease { credential_id: CredentialId::mint(), ..made_up(1) };
        assert_powerless(t, &unknown).await;
    }

    /// A lost lease names the credential.
    async fn a_lost_lease_names_the_credential(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let (old, _) = taken_over(t, id).await;
        let error = t.store.release_refresh_lease(&caller(), &old).await.unwrap_err();
        let Error::LeaseLost { id: named, .. } = &error else { panic!("{error}") };
        assert_eq!(named, &id.to_string());
    }

    /// A lease is no change of the credential, and is not in its audit.
    async fn a_lease_is_no_change(t: &Vaults) {
        let before = kept_oauth(t, "a").await;
        t.clock.set(time("12:00:10"));
        let lease = acquire(t, before.id, "a").await.unwrap();
        assert_eq!(credential_now(t, before.id).await, before);
        t.store.renew_refresh_lease(&caller(), &lease, MINUTE).await.unwrap();
        assert_eq!(credential_now(t, before.id).await, before);
        t.store.release_refresh_lease(&caller(), &lease).await.unwrap();
        assert_eq!(credential_now(t, before.id).await, before);
        assert_vault_intact(t, before.id, 1).await;
    }

    /// The lease of a deleted credential is lost.
    async fn the_lease_of_a_deleted_credential_is_lost(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let lease = acquire(t, id, "a").await.unwrap();
        t.store.delete(&caller(), id).await.unwrap();
        assert_powerless(t, &lease).await;
    }

    /// A lease outlives the process: what another one took is known to a new one.
    async fn a_lease_outlives_the_process(t: &Vaults) {
        let id = kept_oauth(t, "a").await.id;
        let lease = acquire(t, id, "a").await.unwrap();
        let other = t.reopened().await;
        let taken = other.acquire_refresh_lease(&caller(), id, "b", MINUTE).await;
        assert_eq!(taken.unwrap(), None);
        other.release_refresh_lease(&caller(), &lease).await.unwrap();
        assert_powerless(t, &lease).await;
    }
}

/// Gives a lease back and takes it again.
async fn taken_again(t: &Vaults, id: CredentialId, lease: &RefreshLease) -> RefreshLease {
    t.store.release_refresh_lease(&caller(), lease).await.expect("it is held");
    acquire(t, id, "o").await.expect("it is free")
}
