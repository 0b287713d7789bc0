use store_core::seal::{Key, KeyRing};
use store_core::workflow::Patch;
use store_core::{Error, ExposeSecret as _, SecretString, WorkflowId};

use crate::rules::webhook::StoredSecrets;

fn keys(byte: u8) -> KeyRing {
    KeyRing::new(Key::new(format!("k{byte}"), [byte; 32]).unwrap())
}

fn secret(text: &str) -> Patch<SecretString> {
    Patch::Set(SecretString::from(text.to_owned()))
}

fn opened(secrets: &StoredSecrets, keys: Option<&KeyRing>, id: WorkflowId) -> [Option<String>; 2] {
    let opened = secrets.open(keys, id).unwrap();
    [opened.shared, opened.hmac].map(|secret| secret.map(|text| text.expose_secret().to_owned()))
}

#[test]
fn secrets_are_sealed_with_keys_and_stored_as_they_are_without() {
    let (id, keys) = (WorkflowId::mint(), keys(1));
    let before = StoredSecrets::default();
    let sealed = before.changed(Some(&keys), id, secret("a"), secret("b")).unwrap();
    assert!(sealed.sealed && sealed.shared.as_deref() != Some(b"a"));
    assert_eq!(opened(&sealed, Some(&keys), id), [Some("a".into()), Some("b".into())]);
    let plain = StoredSecrets::default().changed(None, id, secret("a"), Patch::Keep).unwrap();
    assert!(!plain.sealed && plain.shared.as_deref() == Some(b"a"));
    assert_eq!(opened(&plain, None, id), [Some("a".into()), None]);
}

#[test]
fn what_is_kept_stays_sealed_or_is_sealed_once_there_are_keys() {
    let (id, keys) = (WorkflowId::mint(), keys(1));
    let plain = StoredSecrets::default().changed(None, id, secret("a"), Patch::Clear).unwrap();
    let sealed = plain.changed(Some(&keys), id, Patch::Keep, Patch::Keep).unwrap();
    assert_eq!(opened(&sealed, Some(&keys), id), [Some("a".into()), None]);
    let envelope = sealed.shared.clone();
    let kept = sealed.changed(None, id, Patch::Keep, Patch::Keep).unwrap();
    assert!(kept.sealed && kept.shared == envelope);
    let error = kept.changed(None, id, Patch::Keep, secret("b")).err().unwrap();
    assert!(matches!(&error, Error::Settings { variable, .. } if variable == "VAULT_KEY"));
}

#[test]
fn a_cleared_secret_leaves_nothing_that_needs_a_key() {
    let (id, keys) = (WorkflowId::mint(), keys(1));
    let sealed =
        StoredSecrets::default().changed(Some(&keys), id, secret("a"), Patch::Keep).unwrap();
    let cleared = sealed.changed(None, id, Patch::Clear, secret("b")).unwrap();
    assert!(!cleared.sealed);
    assert_eq!(opened(&cleared, None, id), [None, Some("b".into())]);
}

#[test]
fn a_sealed_secret_opens_only_in_its_place_and_with_its_key() {
    let (id, ring) = (WorkflowId::mint(), keys(1));
    let sealed =
        StoredSecrets::default().changed(Some(&ring), id, secret("a"), Patch::Keep).unwrap();
    let other = WorkflowId::mint();
    assert!(matches!(sealed.open(Some(&ring), other), Err(Error::Tampered { .. })));
    assert!(matches!(sealed.open(Some(&keys(2)), id), Err(Error::Settings { .. })));
    assert!(matches!(sealed.open(None, id), Err(Error::Settings { .. })));
    let moved = StoredSecrets { hmac: sealed.shared, shared: None, sealed: true };
    assert!(matches!(moved.open(Some(&ring), id), Err(Error::Tampered { .. })));
}
