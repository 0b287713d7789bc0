//! Keys from a passphrase.

use std::time::Instant;

use store_core::Error;

use super::{PLACE, id, refused, register, registered};
use crate::keys::{Argon2Parameters, KeyProvider, Passphrase, RegisteredKey};

const FIRST: &str = "correct horse battery staple";
const SECOND: &str = "a passphrase of another year";

/// As cheap as Argon2 can be.
const CHEAP: Argon2Parameters = Argon2Parameters { memory_kib: 8, passes: 1, lanes: 1 };

fn cheap(passphrase: &str) -> Passphrase {
    Passphrase::new(passphrase).unwrap().with_parameters(CHEAP).unwrap()
}

#[tokio::test]
async fn a_new_vault_gets_a_key_and_keeps_it() {
    let keys = cheap(FIRST).keys(&[]).await.unwrap();
    assert_eq!(keys.ring.key_ids(), ["passphrase-1"]);
    let derivation = &keys.derivations["passphrase-1"];
    assert!(derivation.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{derivation}");
    // 16 bytes of salt.
    assert_eq!(derivation.rsplit('$').next().unwrap().len(), 22);

    let envelope = keys.ring.seal(&PLACE, b"hunter2").unwrap();
    let again = cheap(FIRST).keys(&register(&keys)).await.unwrap();
    assert_eq!(again.derivations, keys.derivations);
    assert!(again.ring.open(&PLACE, &envelope).is_ok());
}

#[tokio::test]
async fn two_vaults_of_one_passphrase_have_two_keys() {
    let mut values = Vec::new();
    for _vault in 0..2 {
        let keys = cheap(FIRST).keys(&[]).await.unwrap();
        values.push((keys.ring.check_value("passphrase-1"), keys.derivations));
    }
    assert_ne!(values[0].0, values[1].0);
    assert_ne!(values[0].1, values[1].1);
}

#[tokio::test]
async fn a_wrong_passphrase_is_refused_and_names_the_key() {
    let vault = register(&cheap(FIRST).keys(&[]).await.unwrap());
    for wrong in [SECOND, "correct horse battery stapl", "correct horse battery staple "] {
        let reason = refused(cheap(wrong).keys(&vault).await, "passphrase");
        assert!(reason.starts_with("wrong passphrase"), "{reason}");
        assert!(reason.contains("`passphrase-1`") && !reason.contains("horse"), "{reason}");
    }
}

#[tokio::test]
async fn a_change_of_passphrase_makes_the_next_key_and_reads_the_old_one() {
    let old = cheap(FIRST).keys(&[]).await.unwrap();
    let envelope = old.ring.seal(&PLACE, b"hunter2").unwrap();

    let both = cheap(SECOND).with_readable(FIRST);
    let new = both.keys(&register(&old)).await.unwrap();
    assert_eq!(new.ring.key_ids(), ["passphrase-2", "passphrase-1"]);
    assert_eq!(new.derivations.len(), 2);
    let rewrapped = new.ring.rewrap(&PLACE, &envelope).unwrap();

    // Once it is registered it is found, and no third one is made.
    let again = both.keys(&register(&new)).await.unwrap();
    assert_eq!(again.ring.key_ids(), ["passphrase-2", "passphrase-1"]);
    assert!(again.ring.open(&PLACE, &rewrapped).is_ok());

    // The new passphrase alone does once the old key is retired, and not before.
    let mut vault = register(&new);
    assert!(refused(cheap(SECOND).keys(&vault).await, "passphrase").contains("`passphrase-1`"));
    for key in &mut vault {
        key.retired = key.key_id == "passphrase-1";
    }
    let alone = cheap(SECOND).keys(&vault).await.unwrap();
    assert_eq!(alone.ring.key_ids(), ["passphrase-2"]);
    assert!(alone.ring.open(&PLACE, &rewrapped).is_ok());
}

#[tokio::test]
async fn going_back_to_a_passphrase_finds_its_newest_key() {
    let first = cheap(FIRST).keys(&[]).await.unwrap();
    let both = cheap(SECOND).with_readable(FIRST);
    let mut vault = register(&both.keys(&register(&first)).await.unwrap());
    // A third key, of the first passphrase, and the rows in another order.
    let mut third = register(&cheap(FIRST).keys(&[]).await.unwrap()).remove(0);
    third.derivation = vault[1].derivation.clone();
    third.check_value = vault[1].check_value.clone();
    third.key_id = "passphrase-10".to_owned();
    vault.insert(1, third);
    let back = cheap(FIRST).with_readable(SECOND).keys(&vault).await.unwrap();
    assert_eq!(back.ring.current_id(), "passphrase-10");
    assert_eq!(back.ring.key_ids().len(), 3);
}

#[tokio::test]
async fn numbers_of_retired_keys_are_not_given_again() {
    let mut vault = register(&cheap(FIRST).keys(&[]).await.unwrap());
    vault[0].retired = true;
    vault.extend([registered("passphrase-x"), registered(&id(1))]);
    let keys = cheap(FIRST).keys(&vault).await.unwrap();
    assert_eq!(keys.ring.key_ids(), ["passphrase-2"]);
}

#[tokio::test]
async fn parameters_come_from_the_row_when_there_is_one() {
    let costly = Argon2Parameters { memory_kib: 64, passes: 2, lanes: 2 };
    let vault = Passphrase::new(FIRST).unwrap().with_parameters(costly).unwrap();
    let vault = vault.keys(&[]).await.unwrap();
    assert!(vault.derivations["passphrase-1"].contains("$m=64,t=2,p=2$"));
    let again = cheap(FIRST).keys(&register(&vault)).await.unwrap();
    assert_eq!(again.derivations, vault.derivations);
}

#[tokio::test]
async fn the_defaults_are_64_mebibytes_and_three_passes() {
    let passphrase = Passphrase::new(FIRST).unwrap();
    let keys = passphrase.keys(&[]).await.unwrap();
    assert!(keys.derivations["passphrase-1"].contains("$m=65536,t=3,p=1$"));
    assert!(passphrase.keys(&register(&keys)).await.is_ok());
}

#[tokio::test]
async fn a_row_out_of_bounds_is_corrupt_and_costs_nothing() {
    let salt = "AAAAAAAAAAAAAAAAAAAAAA";
    let bad = [
        // One TiB, and a little more than what is allowed of each.
        format!("$argon2id$v=19$m=1073741824,t=3,p=1${salt}"),
        format!("$argon2id$v=19$m=1048577,t=3,p=1${salt}"),
        format!("$argon2id$v=19$m=65536,t=65,p=1${salt}"),
        format!("$argon2id$v=19$m=65536,t=3,p=17${salt}"),
        format!("$argon2id$v=19$m=4294967296,t=3,p=1${salt}"),
        format!("$argon2id$v=19$m=7,t=1,p=1${salt}"),
        format!("$argon2id$v=19$m=15,t=1,p=2${salt}"),
        format!("$argon2id$v=19$m=0,t=0,p=0${salt}"),
        // Not what is written.
        String::new(),
        format!("$argon2i$v=19$m=8,t=1,p=1${salt}"),
        format!("$argon2id$v=16$m=8,t=1,p=1${salt}"),
        format!("$argon2id$m=8,t=1,p=1${salt}"),
        format!("$argon2id$v=19$t=1,m=8,p=1${salt}"),
        format!("$argon2id$v=19$m=8,t=1${salt}"),
        format!("$argon2id$v=19$m=8,t=1,p=1,keyid=AA${salt}"),
        format!("$argon2id$v=19$m=+8,t=1,p=1${salt}"),
        format!("$argon2id$v=19$m=08,t=1,p=1${salt}"),
        format!("$argon2id$v=19$m=-8,t=1,p=1${salt}"),
        format!("$argon2id$v=19$m=8,t=1,p=1${salt}$AAAA"),
        format!("$argon2id$v=19$m=8,t=1,p=1${salt}=="),
        "$argon2id$v=19$m=8,t=1,p=1$".to_owned(),
        "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAA".to_owned(),
        format!("$argon2id$v=19$m=8,t=1,p=1${}", "A".repeat(66)),
    ];
    let costly = format!("$argon2id$v=19$m=1048576,t=64,p=16${salt}");
    let started = Instant::now();
    for text in bad {
        // Nor is the work of a row before it begun.
        let rows = [costly.clone(), text.clone()].map(|derivation| RegisteredKey {
            derivation: Some(derivation),
            ..registered("passphrase-1")
        });
        let error = cheap(FIRST).keys(&rows).await.unwrap_err();
        assert!(matches!(error, Error::Corrupt { column: "derivation", .. }), "{text}: {error}");
    }
    assert!(started.elapsed().as_secs() < 5);
}

#[test]
fn what_a_caller_sets_has_the_same_bounds() {
    let bad =
        [(7, 1, 1), (15, 1, 2), (1_048_577, 1, 1), (8, 0, 1), (8, 65, 1), (8, 1, 0), (256, 1, 17)];
    for (memory_kib, passes, lanes) in bad {
        let parameters = Argon2Parameters { memory_kib, passes, lanes };
        let error = Passphrase::new(FIRST).unwrap().with_parameters(parameters).unwrap_err();
        assert!(matches!(&error, Error::Invalid { field, .. } if field == "parameters"), "{error}");
    }
    let most = Argon2Parameters { memory_kib: 1_048_576, passes: 64, lanes: 16 };
    assert!(Passphrase::new(FIRST).unwrap().with_parameters(most).is_ok());
}

#[test]
fn a_passphrase_has_twelve_characters_or_more() {
    for short in ["", "hunter2", "elevenchars", "ünïcödé äöü"] {
        let error = Passphrase::new(short).unwrap_err();
        assert!(matches!(&error, Error::Invalid { field, .. } if field == "passphrase"), "{error}");
        assert!(short.is_empty() || !error.to_string().contains(short), "{error}");
    }
    assert!(Passphrase::new("twelve chars").is_ok() && Passphrase::new("ünïcödé äöü!").is_ok());
}
