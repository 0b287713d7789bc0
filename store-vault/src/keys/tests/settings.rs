//! The provider that the settings name.

use store_core::settings::SettingsBuilder;
use store_core::{Error, Settings};

use super::{hex, id, refused};
use crate::keys::{KeyProvider, provider};

fn from(builder: SettingsBuilder) -> store_core::Result<Box<dyn KeyProvider>> {
    provider(&builder.build().unwrap())
}

#[tokio::test]
async fn a_setting_holds_one_key_or_several() {
    let (one, two) = (hex(1), hex(2));
    for (text, ids) in [
        (one.clone(), vec![id(1)]),
        (format!("{one},{two}"), vec![id(1), id(2)]),
        (format!("{one}\n{two}\n"), vec![id(1), id(2)]),
    ] {
        let keys = from(Settings::builder().vault_key(text)).unwrap().keys(&[]).await.unwrap();
        assert_eq!(keys.ring.key_ids(), ids);
    }
}

#[tokio::test]
async fn a_file_and_a_command_are_asked_when_keys_are() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing");
    let file = from(Settings::builder().vault_key_file(&missing)).unwrap();
    refused(file.keys(&[]).await, "VAULT_KEY_FILE");
    assert!(!missing.exists());
    crate::keys::KeyFile::new(&missing).create_missing(true).keys(&[]).await.unwrap();
    assert!(file.keys(&[]).await.is_ok());

    #[cfg(unix)]
    {
        let command = format!("echo {}", hex(1));
        let command = from(Settings::builder().vault_key_command(command)).unwrap();
        assert_eq!(command.keys(&[]).await.unwrap().ring.key_ids(), [id(1)]);
        let command = from(Settings::builder().vault_key_command("exit 1")).unwrap();
        refused(command.keys(&[]).await, "VAULT_KEY_COMMAND");
    }
}

#[test]
fn without_a_key_the_error_says_how_to_make_one() {
    let error = provider(&Settings::memory()).unwrap_err();
    let Error::Settings { variable, reason } = error else { panic!("{error}") };
    assert_eq!(variable, "VAULT_KEY");
    for hint in ["openssl rand -hex 32", "VAULT_KEY_FILE", "VAULT_KEY_COMMAND"] {
        assert!(reason.contains(hint), "{reason}");
    }
}

#[test]
fn what_is_no_key_is_refused_at_once() {
    let error = from(Settings::builder().vault_key("hunter2")).unwrap_err();
    assert!(matches!(&error, Error::Settings { variable, .. } if variable == "VAULT_KEY"));
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
