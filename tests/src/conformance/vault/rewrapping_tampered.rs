//! Values that do not open, beside a rewrap: they are named, and stay under their old key.

use store_core::CredentialId;
use store_core::vault::Rewrapped;

use super::assert_tampered;
use super::keys::{assert_settings, counted, opens};
use super::rewrapping::{changed, fill, moved, opened, rewrap, with_the_new_key};
use crate::behaviours;
use crate::fixture::Vaults;
use crate::fixture::graph::keys;
use crate::samples::{kept, kept_oauth, operator, secret_of, time};

/// Puts the envelope of the secret of another credential in the place of one: it does not open
/// there.
async fn tamper(t: &Vaults, id: CredentialId, with: CredentialId) {
    let other = format!(
        "SELECT envelope FROM vault_secrets WHERE CAST(credential_id AS TEXT) = '{with}' \
         AND field = 'secret'"
    );
    let set = "UPDATE vault_secrets SET envelope";
    let there = format!("CAST(credential_id AS TEXT) = '{id}'");
    t.sql(&format!("{set} = ({other}) WHERE {there}")).await;
}

/// Keeps all envelopes, to be put back.
async fn back_up(t: &Vaults) {
    t.sql("CREATE TABLE kept_secrets AS SELECT * FROM vault_secrets").await;
}

/// Puts back the envelopes that are still under the first key.
async fn restore(t: &Vaults) {
    t.sql(
        "UPDATE vault_secrets SET envelope = (SELECT k.envelope FROM kept_secrets AS k \
         WHERE k.credential_id = vault_secrets.credential_id AND k.field = vault_secrets.field \
         AND k.version = vault_secrets.version) WHERE key_id = 'k1'",
    )
    .await;
}

behaviours! {
    emits vault_rewrapping_tampered_tests from vault::rewrapping_tampered;

    /// A value that does not open is named, and stays under its old key, which is not forgotten;
    /// everything else is under the new one.
    async fn a_value_that_does_not_open_stays_and_is_named(t: &Vaults) {
        let ids = fill(t, 6).await;
        back_up(t).await;
        tamper(t, ids[2], ids[3]).await;
        let vault = changed(t).await;
        for (batch, values) in [(1, 5), (1, 0), (1000, 0)] {
            let expected = Rewrapped { values, forgotten: vec![], tampered: vec![ids[2]] };
            assert_eq!(rewrap(&vault, batch).await, expected, "batch {batch}");
        }
        t.clock.set(time("12:30:00"));
        let known = vault.keys(&operator()).await.unwrap();
        assert_eq!(counted(vault.as_ref()).await, [opens(1, 1), opens(2, 5)]);
        assert!(known[0].retired_at.is_some() && known[1].retired_at.is_none());
        assert_tampered(vault.reveal(&operator(), ids[2]).await.map(drop), ids[2]);
        for (number, &id) in ids.iter().enumerate().filter(|(number, _)| *number != 2) {
            assert_eq!(opened(&vault, id).await, secret_of(&number.to_string()));
        }
        // The old key is still needed.
        assert_settings(t.opened_with(keys(2)).await);

        restore(t).await;
        assert_eq!(rewrap(&vault, 1).await, moved(1));
        assert_eq!(opened(&with_the_new_key(t).await, ids[2]).await, secret_of("2"));
    }

    /// A credential is named once, however many of its values do not open, and its others are
    /// rewrapped.
    async fn a_credential_with_tampered_values_is_named_once(t: &Vaults) {
        let plain = kept(t, "a").await.id;
        let oauth = kept_oauth(t, "b").await.id;
        let other = format!("(SELECT envelope FROM vault_secrets \
            WHERE CAST(credential_id AS TEXT) = '{plain}')");
        t.sql(&format!("UPDATE vault_secrets SET envelope = {other} WHERE field <> 'secret'"))
            .await;
        let vault = changed(t).await;
        let expected = Rewrapped { values: 2, forgotten: vec![], tampered: vec![oauth] };
        assert_eq!(rewrap(&vault, 1).await, expected);
        assert_eq!(opened(&vault, oauth).await, secret_of("b"));
        assert_tampered(vault.reveal_oauth_tokens(&operator(), oauth).await.map(drop), oauth);
    }

    /// What is no envelope at all does not open, either.
    async fn what_is_no_envelope_stays_and_is_named(t: &Vaults) {
        let ids = fill(t, 3).await;
        let literal = if t.place.is_sqlite() { "x'00ff'" } else { r"'\x00ff'" };
        t.sql(&format!(
            "UPDATE vault_secrets SET envelope = {literal} \
             WHERE CAST(credential_id AS TEXT) = '{}'",
            ids[1]
        ))
        .await;
        let vault = changed(t).await;
        let expected = Rewrapped { values: 2, forgotten: vec![], tampered: vec![ids[1]] };
        assert_eq!(rewrap(&vault, 2).await, expected);
        assert_tampered(vault.reveal(&operator(), ids[1]).await.map(drop), ids[1]);
    }

    /// Once a credential that does not open is deleted, the old key is forgotten.
    async fn an_old_key_is_forgotten_once_nothing_needs_it(t: &Vaults) {
        let ids = fill(t, 2).await;
        tamper(t, ids[0], ids[1]).await;
        let vault = changed(t).await;
        assert_eq!(rewrap(&vault, 1).await.tampered, [ids[0]]);
        vault.delete(&operator(), ids[0]).await.unwrap();
        assert_eq!(rewrap(&vault, 1).await, moved(0));
        with_the_new_key(t).await;
    }

    /// Of many credentials that do not open the first 100 are named.
    async fn the_first_100_credentials_that_do_not_open_are_named(t: &Vaults) {
        let mut ids = fill(t, 103).await;
        ids.sort_unstable();
        let other = format!("(SELECT envelope FROM vault_secrets \
            WHERE CAST(credential_id AS TEXT) = '{}')", ids[102]);
        t.sql(&format!("UPDATE vault_secrets SET envelope = {other}")).await;
        let vault = changed(t).await;
        let rewrapped = rewrap(&vault, 40).await;
        assert_eq!((rewrapped.values, rewrapped.forgotten.len()), (1, 0));
        let mut tampered = rewrapped.tampered;
        tampered.sort_unstable();
        assert_eq!(tampered, ids[..100]);
        assert_eq!(counted(vault.as_ref()).await, [opens(1, 102), opens(2, 1)]);
    }
}
