//! No provider shows what it holds.

use std::fmt::Debug;

use store_core::Settings;

use super::hex;
use crate::keys::{KeyCommand, KeyFile, KeyProvider, Passphrase, provider};

#[track_caller]
fn assert_hidden(shown: &dyn Debug, secret: &str) {
    for text in [format!("{shown:?}"), format!("{shown:#?}")] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn providers_and_their_keys_hide_secrets() {
    let secret = hex(0xab);
    assert_hidden(&KeyCommand::new(format!("echo {secret}")), "abab");
    let phrase = Passphrase::new("hunter2 hunter2").unwrap().with_readable("hunter2 of old");
    assert_hidden(&phrase, "hunter2");
    assert!(format!("{:?}", KeyFile::new("/run/key")).contains("/run/key"));

    for builder in [
        Settings::builder().vault_key(format!("{secret},{secret}")),
        Settings::builder().vault_key_command(format!("echo {secret}")),
    ] {
        let provider = provider(&builder.build().unwrap()).unwrap();
        assert_hidden(&provider, "abab");
        #[cfg(unix)]
        assert_hidden(&provider.keys(&[]).await.unwrap(), "abab");
    }
}
