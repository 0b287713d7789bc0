//! A rewrap that is killed, again and again, beside processes that read.

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use store_core::ExposeSecret as _;
use store_core::vault::{CredentialKind, VaultStore, VaultSubject};
use store_tests::fixture::graph::{key, keys};
use store_tests::samples::{credential, oauth_credential, operator};

use crate::support::{Installation, until};

/// Credentials of each kind: a secret is one value, an OAuth credential three.
const EACH: usize = 300;
const VALUES: u64 = 4 * EACH as u64;
/// How often the rewrap is killed at most.
const KILLS: u64 = 5;

/// A number below a limit; another one in every run.
fn random(limit: u64) -> u64 {
    RandomState::new().hash_one(limit) % limit
}

/// How many values a key opens.
async fn opens(vault: &dyn VaultStore, key_id: &str) -> u64 {
    let keys = vault.keys(&operator()).await.unwrap();
    keys.iter().find(|key| key.key_id == key_id).map_or(0, |key| key.values)
}

/// Begins a rewrap, and kills it at some point after it did something.
async fn kill_a_rewrap(t: &Installation<'_>, before: u64) {
    let batch = (1 + random(3)).to_string();
    let mut process = t.process("2,1", &["rewrap", &batch]).await;
    let enough = before + 1 + random(20);
    process.read("go on").await;
    let some = async || opens(t.store.as_ref(), "k2").await >= enough;
    until("some values are rewrapped", some).await;
    // Anywhere within what comes next: a transaction, its end, or what is between two.
    let moment = Instant::now() + Duration::from_micros(random(3_000));
    while Instant::now() < moment {
        std::hint::spin_loop();
    }
    process.kill().await;
}

/// Reads everything with a vault, and asserts that it is what was stored.
async fn assert_everything_opens(vault: &dyn VaultStore) {
    let (mut names, mut request) = (BTreeSet::new(), Some(store_core::PageRequest::first(1000)));
    while let Some(next) = request.take() {
        let page = vault.list_all(&operator(), &next).await.unwrap();
        for credential in page.items {
            let (id, name) = (credential.id, credential.name);
            let secret = vault.reveal(&operator(), id).await.unwrap();
            assert_eq!(secret.expose_secret(), format!("the secret of {name}"));
            if credential.kind == CredentialKind::OAuth {
                let tokens = vault.reveal_oauth_tokens(&operator(), id).await.unwrap().tokens;
                let (access, refresh) =
                    (tokens.access_token.unwrap(), tokens.refresh_token.unwrap());
                assert_eq!(access.expose_secret(), format!("the access token of {name}"));
                assert_eq!(refresh.expose_secret(), format!("the refresh token of {name}"));
            }
            let report = vault.verify_audit(&operator(), VaultSubject::Credential(id)).await;
            assert!(report.unwrap().is_intact(), "{name}");
            names.insert(name);
        }
        request = page.next.map(|cursor| next.after(cursor));
    }
    assert_eq!(names.len(), 2 * EACH);
}

/// A rewrap that is killed at any point harms no reader, with either key; another one does the
/// rest, and then everything opens with the new key alone.
async fn a_killed_rewrap_is_finished_by_another(t: &Installation<'_>) {
    let secrets = (0..EACH).map(|number| credential(&format!("secret {number}")));
    let oauth = (0..EACH).map(|number| oauth_credential(&format!("oauth {number}")));
    join_all(secrets.chain(oauth).map(|new| t.put(new))).await;
    assert_eq!(opens(t.store.as_ref(), "k1").await, VALUES);
    // With either ring: one that was there before the change, and one that came with it.
    let mut readers = [t.process("1,2", &["read"]).await, t.process("2,1", &["read"]).await];
    for reader in &mut readers {
        reader.read("go on").await;
    }
    let (mut done, mut kills) = (0, 0);
    while kills < KILLS && done < VALUES / 2 {
        kill_a_rewrap(t, done).await;
        let counts = t.store.keys(&operator()).await.unwrap();
        assert_eq!(counts.iter().map(|key| key.values).sum::<u64>(), VALUES, "nothing is lost");
        let now = counts[1].values;
        assert!(now > done && now < VALUES, "{done}, then {now}");
        (done, kills) = (now, kills + 1);
    }

    let mut last = t.process("2,1", &["rewrap", "10"]).await;
    last.read("go on").await;
    let rewrapped = last.end().await.remove(0);
    assert_eq!((&rewrapped[0], &rewrapped[2]), (&json!("rewrapped"), &json!(["k1"])));
    assert_eq!(rewrapped[3], json!([]), "nothing was tampered with");
    // The server may have ended a transaction of the last one that was killed after it was counted.
    let values = rewrapped[1].as_u64().unwrap();
    assert!((1..=VALUES - done).contains(&values), "{values} after {done}");
    for mut reader in readers {
        reader.tells("read").await;
        reader.read("enough").await;
        let told: Vec<Vec<Value>> = reader.end().await;
        assert_eq!((told.len(), told[0][0].as_str()), (1, Some("read")));
        assert!(told[0][1].as_u64().unwrap() >= VALUES, "{told:?}");
    }

    let old = "SELECT COUNT(*) FROM vault_secrets WHERE key_id <> 'k2'";
    assert_eq!(t.count(old).await, 0);
    let old = "SELECT COUNT(*) FROM vault_credentials WHERE key_id <> 'k2'";
    assert_eq!(t.count(old).await, 0);
    let alone = t.opened_with(&keys(2)).await.unwrap();
    let known = alone.keys(&operator()).await.unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!((&known[0].check_value, known[0].values), (&key(2).check_value(), VALUES));
    assert_everything_opens(alone.as_ref()).await;
    t.opened_with(&keys(1)).await.unwrap_err();
}

on_both! { a_killed_rewrap_is_finished_by_another }
