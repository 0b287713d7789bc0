//! A rewrap beside everything else: interruptions, readers, writers, another rewrap.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use store_core::vault::VaultStore;
use store_core::{CredentialId, Error, ExposeSecret as _};
use tokio::task::JoinSet;

use super::governance::secret;
use super::keys::{counted, opens, ring};
use super::rewrapping::{fill, opened};
use crate::behaviours;
use crate::fixture::Vaults;
use crate::fixture::graph::keys;
use crate::samples::{
    assert_vault_intact, caller, credential, kept_oauth, numbered_tokens, operator, secret_of,
};

/// How many values are under the second key.
async fn done(t: &Vaults) -> u64 {
    let counts = counted(t.store.as_ref()).await;
    counts.iter().find(|(key, _)| key == "k2").map_or(0, |(_, values)| *values)
}

/// Begins a rewrap by batches of one, and drops it once so many values are under the new key.
async fn interrupted(t: &Vaults, vault: &Arc<dyn VaultStore>, after: u64) {
    let context = operator();
    let enough = async {
        while done(t).await < after {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = enough => {}
        rewrapped = vault.rewrap(&context, 1) => panic!("it ended before: {rewrapped:?}"),
    }
}

/// Asserts that every value is under the second key, and that the vault opens without the first.
async fn assert_moved(t: &Vaults, values: u64) -> Arc<dyn VaultStore> {
    assert_eq!(counted(t.store.as_ref()).await, [opens(2, values)]);
    let old = "SELECT COUNT(*) FROM vault_secrets WHERE key_id <> 'k2'";
    assert_eq!(t.count(old).await, 0);
    t.opened_with(keys(2)).await.expect("the vault opens without the old key")
}

/// Writes until it is refused, and returns what was stored: ids and secrets.
async fn write(vault: Arc<dyn VaultStore>, writer: usize) -> Vec<(CredentialId, String)> {
    let mut stored = Vec::new();
    for number in 0.. {
        let name = format!("{writer} {number}");
        let created = vault.create(&caller(), credential(&name)).await;
        let id = match created {
            Ok(created) => created.id,
            Err(Error::Settings { .. }) => break,
            Err(error) => panic!("{error}"),
        };
        stored.push((id, secret_of(&name)));
        match vault.rotate(&caller(), id, secret(&name)).await {
            Ok(_) => stored.last_mut().unwrap().1 = name,
            Err(Error::Settings { .. }) => break,
            Err(error) => panic!("{error}"),
        }
    }
    stored
}

behaviours! {
    emits vault_rewrapping_races_tests from vault::rewrapping_races;

    /// A rewrap that is dropped keeps what it did, everything opens meanwhile, and another one does
    /// the rest.
    async fn an_interrupted_rewrap_is_finished_by_another(t: &Vaults) {
        let ids = fill(t, 60).await;
        let vault = t.opened_with(ring(2, 1)).await.unwrap();
        let mut before = 0;
        for after in [1, 4, 9] {
            interrupted(t, &vault, after).await;
            let half = t.opened_with(ring(2, 1)).await.unwrap();
            for (number, &id) in ids.iter().enumerate() {
                assert_eq!(opened(&half, id).await, secret_of(&number.to_string()));
            }
            let now = done(t).await;
            assert!(now >= after && now >= before && now < 60, "{before}, then {now}");
            before = now;
        }
        let known = vault.keys(&operator()).await.unwrap();
        assert!(known[0].retired_at.is_some(), "the old key is retired first");
        let rest = vault.rewrap(&operator(), 1).await.unwrap();
        assert!((1..60).contains(&rest.values), "{rest:?}");
        assert_eq!((rest.forgotten, rest.tampered), (vec!["k1".to_owned()], vec![]));
        let alone = assert_moved(t, 60).await;
        for (number, &id) in ids.iter().enumerate() {
            assert_eq!(opened(&alone, id).await, secret_of(&number.to_string()));
        }
    }

    /// Another process, with the same ring, can finish what was interrupted.
    async fn another_process_finishes_an_interrupted_rewrap(t: &Vaults) {
        fill(t, 40).await;
        let vault = t.opened_with(ring(2, 1)).await.unwrap();
        interrupted(t, &vault, 1).await;
        drop(vault);
        let other = t.opened_with(ring(2, 1)).await.unwrap();
        let rest = other.rewrap(&operator(), 1000).await.unwrap();
        assert_eq!(rest.forgotten, ["k1"]);
        assert_moved(t, 40).await;
    }

    /// Readers see no error while values change their key, whichever of both keys is theirs.
    async fn readers_beside_a_rewrap_see_no_error(t: &Vaults) {
        let ids = fill(t, 40).await;
        let oauth = kept_oauth(t, "oauth").await.id;
        let vault = t.opened_with(ring(2, 1)).await.unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let mut readers = JoinSet::new();
        for number in 0..8_usize {
            let rings = if number % 2 == 0 { ring(1, 2) } else { ring(2, 1) };
            // Opened before the rewrap: afterwards the first ring would bring its key back.
            let reader = t.opened_with(rings).await.unwrap();
            let (ids, over) = (ids.clone(), over.clone());
            readers.spawn(async move {
                let mut reads = 0_u32;
                while !over.load(Ordering::SeqCst) || reads < 20 {
                    let at = (reads as usize * 7 + number) % ids.len();
                    assert_eq!(opened(&reader, ids[at]).await, secret_of(&at.to_string()));
                    let tokens = reader.reveal_oauth_tokens(&operator(), oauth).await.unwrap();
                    let access = tokens.tokens.access_token.unwrap();
                    assert_eq!(access.expose_secret(), "the access token of oauth");
                    reads += 1;
                }
                u64::from(reads)
            });
        }
        let rewrapped = vault.rewrap(&operator(), 1).await.unwrap();
        over.store(true, Ordering::SeqCst);
        let reads: u64 = readers.join_all().await.into_iter().sum();
        assert_eq!((rewrapped.values, rewrapped.tampered), (43, vec![]));
        assert_moved(t, 43).await;
        assert_vault_intact(t, oauth, reads + 1).await;
    }

    /// Writers with the old key are refused from the moment it is retired. What they were told is
    /// stored is there afterwards, and opens with the new key alone.
    async fn writers_with_the_old_key_are_refused_and_lose_nothing(t: &Vaults) {
        fill(t, 20).await;
        let vault = t.opened_with(ring(2, 1)).await.unwrap();
        let mut writers = JoinSet::new();
        for number in 0..8 {
            // Half of them cannot even read the new key: such a one opened the vault before.
            let writer = if number % 2 == 0 {
                t.opened_with(ring(1, 2)).await.unwrap()
            } else {
                t.store.clone()
            };
            writers.spawn(write(writer, number));
        }
        let counting = async || t.count("SELECT COUNT(*) FROM vault_credentials").await;
        while counting().await < 40 {
            tokio::task::yield_now().await;
        }
        let rewrapped = vault.rewrap(&operator(), 3).await.unwrap();
        assert_eq!((rewrapped.forgotten, rewrapped.tampered), (vec!["k1".to_owned()], vec![]));
        let stored: Vec<_> = writers.join_all().await.into_iter().flatten().collect();
        let all = t.count("SELECT COUNT(*) FROM vault_credentials").await;
        assert_eq!(all, 20 + i64::try_from(stored.len()).unwrap());
        let old = "SELECT COUNT(*) FROM vault_secrets WHERE key_id <> 'k2'";
        assert_eq!(t.count(old).await, 0);
        let alone = t.opened_with(keys(2)).await.unwrap();
        for (id, expected) in stored {
            assert_eq!(opened(&alone, id).await, expected);
        }
    }

    /// Writers with the new key go on beside a rewrap, and nobody's change is lost.
    async fn writers_with_the_new_key_go_on_beside_a_rewrap(t: &Vaults) {
        let ids = fill(t, 24).await;
        let oauth = kept_oauth(t, "oauth").await.id;
        let vault = t.opened_with(ring(2, 1)).await.unwrap();
        let mut writers = JoinSet::new();
        for (number, &id) in ids.iter().enumerate() {
            let vault = vault.clone();
            writers.spawn(async move {
                match number % 4 {
                    0 => vault.delete(&operator(), id).await.unwrap(),
                    1 => {
                        let text = format!("another {number}");
                        vault.rotate(&operator(), id, secret(&text)).await.map(drop).unwrap();
                    }
                    2 => {
                        let tokens = numbered_tokens(number, None);
                        let context = operator();
                        let updated = vault.update_oauth_tokens(&context, oauth, tokens);
                        updated.await.map(drop).unwrap();
                    }
                    _ => {
                        let new = credential(&format!("new {number}"));
                        vault.create(&operator(), new).await.map(drop).unwrap();
                    }
                }
            });
        }
        let rewrapped = vault.rewrap(&operator(), 1).await.unwrap();
        writers.join_all().await;
        assert_eq!((rewrapped.forgotten, rewrapped.tampered), (vec!["k1".to_owned()], vec![]));
        // 18 secrets that are left, 6 of them with two versions, 6 new ones, one with two tokens.
        let alone = assert_moved(t, 18 + 6 + 6 + 3).await;
        for (number, &id) in ids.iter().enumerate() {
            match number % 4 {
                0 => super::assert_not_found(alone.fetch(&operator(), id).await),
                1 => assert_eq!(opened(&alone, id).await, format!("another {number}")),
                _ => assert_eq!(opened(&alone, id).await, secret_of(&number.to_string())),
            }
        }
        let tokens = alone.reveal_oauth_tokens(&operator(), oauth).await.unwrap();
        assert_eq!(tokens.version, 7);
    }

    /// Two that rewrap at once, in two processes, share the work.
    async fn two_rewraps_at_once_share_the_work(t: &Vaults) {
        let ids = fill(t, 40).await;
        let [one, two] =
            [t.opened_with(ring(2, 1)).await.unwrap(), t.opened_with(ring(2, 1)).await.unwrap()];
        let (a, b) = (operator(), operator());
        let (first, second) = tokio::join!(one.rewrap(&a, 1), two.rewrap(&b, 3));
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!(first.values + second.values, 40, "{first:?} {second:?}");
        assert!(first.tampered.is_empty() && second.tampered.is_empty());
        assert!([first.forgotten, second.forgotten].concat().contains(&"k1".to_owned()));
        let alone = assert_moved(t, 40).await;
        for (number, &id) in ids.iter().enumerate() {
            assert_eq!(opened(&alone, id).await, secret_of(&number.to_string()));
        }
    }

    /// Eight that rewrap at once all succeed.
    async fn eight_rewraps_at_once_succeed(t: &Vaults) {
        fill(t, 40).await;
        let vault = t.opened_with(ring(2, 1)).await.unwrap();
        let mut rewraps = JoinSet::new();
        for number in 0..8 {
            let vault = vault.clone();
            rewraps.spawn(async move { vault.rewrap(&operator(), number % 3 + 1).await.unwrap() });
        }
        let answers = rewraps.join_all().await;
        assert_eq!(answers.iter().map(|answer| answer.values).sum::<u64>(), 40);
        assert!(answers.iter().all(|answer| answer.tampered.is_empty()));
        assert_moved(t, 40).await;
    }
}
