//! The key that the settings name.

use std::path::Path;

use super::{PLACE, PLAINTEXT};
use crate::seal::{Key, KeyRing};
use crate::settings::SettingsBuilder;
use crate::{Error, Settings};

const BYTES: [u8; 32] = [5; 32];

fn ring(builder: SettingsBuilder) -> crate::Result<Option<KeyRing>> {
    KeyRing::from_settings(&builder.build().unwrap())
}

fn file(path: &Path) -> crate::Result<Option<KeyRing>> {
    ring(Settings::builder().vault_key_file(path))
}

#[track_caller]
fn refused(result: crate::Result<Option<KeyRing>>, name: &str) -> String {
    let error = result.unwrap_err();
    let Error::Settings { variable, reason } = error else { panic!("{error}") };
    assert_eq!(variable, name);
    reason
}

/// Writes a file that only its owner may access, and returns its directory with it.
fn private(content: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key");
    std::fs::write(&path, content).unwrap();
    #[cfg(unix)]
    chmod(&path, 0o600);
    (directory, path)
}

#[cfg(unix)]
fn chmod(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;

    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_setting_and_the_file_hold_the_same_key() {
    let text = hex::encode(BYTES);
    let (_directory, path) = private(format!("{text}\n").as_bytes());
    let from_setting = ring(Settings::builder().vault_key(&text)).unwrap().unwrap();
    let from_file = file(&path).unwrap().unwrap();
    assert_eq!(from_setting.current_id(), Key::new("k", BYTES).unwrap().check_value());
    let envelope = from_setting.seal(&PLACE, PLAINTEXT).unwrap();
    assert!(from_file.open(&PLACE, &envelope).is_ok());
}

#[test]
fn several_keys_are_read_from_the_setting_and_from_the_file() {
    let [new, old] = [hex::encode([6; 32]), hex::encode(BYTES)];
    let (_directory, path) = private(format!("{new}\n\n{old}\n").as_bytes());
    let from_setting = ring(Settings::builder().vault_key(format!("{new},{old}"))).unwrap();
    let from_file = file(&path).unwrap();
    let sealed = KeyRing::new(Key::from_text(&old.into()).unwrap()).seal(&PLACE, PLAINTEXT);
    let sealed = sealed.unwrap();
    for ring in [from_setting, from_file].map(Option::unwrap) {
        assert_eq!(ring.current_id(), Key::new("k", [6; 32]).unwrap().check_value());
        assert_eq!(ring.key_ids().len(), 2);
        assert!(ring.open(&PLACE, &sealed).is_ok());
    }
}

#[test]
fn a_file_that_is_too_long_loses_no_key_in_silence() {
    let line = format!("{}\n", hex::encode(BYTES));
    let (_directory, path) = private(line.repeat(64 * 1024 / line.len() + 1).as_bytes());
    let reason = refused(file(&path), "VAULT_KEY_FILE");
    assert!(reason.contains("longer than 65536 bytes"), "{reason}");
    let (_directory, path) = private(line.repeat(64 * 1024 / line.len()).as_bytes());
    assert!(file(&path).is_ok());
}

#[test]
fn without_a_key_and_with_a_command_there_is_no_ring() {
    assert!(ring(Settings::builder()).unwrap().is_none());
    assert!(ring(Settings::builder().vault_key_command("pass show key")).unwrap().is_none());
}

#[test]
fn a_setting_that_is_no_key_is_refused() {
    let reason = refused(ring(Settings::builder().vault_key("hunter2")), "VAULT_KEY");
    assert!(reason.contains("64 hexadecimal digits"), "{reason}");
}

#[cfg(unix)]
#[test]
fn a_file_that_others_may_access_is_refused() {
    let (_directory, path) = private(hex::encode(BYTES).as_bytes());
    for mode in [0o640, 0o604, 0o620, 0o644, 0o777] {
        chmod(&path, mode);
        let reason = refused(file(&path), "VAULT_KEY_FILE");
        assert!(reason.contains(&format!("chmod 600 {}", path.display())), "{reason}");
    }
    chmod(&path, 0o400);
    assert!(file(&path).is_ok());
}

#[test]
fn a_file_that_holds_no_key_is_refused() {
    let contents = [b"".as_slice(), b"hunter2", &[0xff; 32], &[b'a'; 100_000]];
    for content in contents {
        let (_directory, path) = private(content);
        let reason = refused(file(&path), "VAULT_KEY_FILE");
        assert!(reason.contains(&path.display().to_string()) && !reason.contains("hunter2"));
    }
    let (directory, path) = private(b"");
    for unreadable in [directory.path(), &path.with_file_name("missing")] {
        refused(file(unreadable), "VAULT_KEY_FILE");
    }
}
