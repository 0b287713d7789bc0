//! An installation of Orcheo in a directory, and its conversion.

use std::path::{Path, PathBuf};

use aes_gcm::{AeadInOut as _, Aes256Gcm, KeyInit as _, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Connection;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use store_core::seal::{Key, KeyRing};
use store_core::{OwnerId, Timestamp};
use store_migrate::orcheo::{ConvertOptions, ConvertReport, Source, convert};

use crate::{rows, schema};

/// The passphrase of the old vault.
pub(crate) const OLD_KEY: &str = "correct horse battery staple";

/// When everything is converted.
pub(crate) const NOW: &str = "2026-04-01T10:30:00+00:00";

/// The SQLite files of Orcheo, in a directory that is removed with them.
pub(crate) struct Installation {
    directory: tempfile::TempDir,
}

impl Installation {
    /// Makes files with rows of every kind.
    pub(crate) fn filled() -> Self {
        let this = Self { directory: tempfile::tempdir().unwrap() };
        for (name, script) in [
            ("repository.sqlite", [schema::REPOSITORY, schema::HISTORY].concat()),
            ("chatkit.sqlite", schema::CHATKIT.to_owned()),
            ("service_tokens.sqlite", schema::TOKENS.to_owned()),
            ("vault.sqlite", schema::VAULT.to_owned()),
        ] {
            this.open(name).execute_batch(&script).unwrap();
        }
        rows::fill(&this);
        this
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Opens a file to write.
    pub(crate) fn open(&self, name: &str) -> Connection {
        Connection::open(self.path(name)).unwrap()
    }

    /// Runs statements on a file.
    pub(crate) fn run(&self, name: &str, sql: &str) {
        self.open(name).execute_batch(sql).unwrap();
    }

    pub(crate) fn sources(&self) -> Vec<Source> {
        FILES.iter().map(|name| Source::Sqlite(self.path(name))).collect()
    }

    pub(crate) fn target(&self) -> PathBuf {
        self.path("stores.sqlite")
    }

    /// Converts all files.
    pub(crate) async fn convert(&self, options: &ConvertOptions) -> ConvertReport {
        convert(self.sources(), &self.target(), options).await.unwrap()
    }
}

/// The files of an installation.
pub(crate) const FILES: [&str; 4] =
    ["repository.sqlite", "chatkit.sqlite", "service_tokens.sqlite", "vault.sqlite"];

/// Options with the right keys.
pub(crate) fn options() -> ConvertOptions {
    ConvertOptions {
        old_vault_key: Some(OLD_KEY.into()),
        keys: Some(keys().into()),
        ..ConvertOptions::new(OwnerId::new("everybody").unwrap(), at(NOW))
    }
}

/// The keys of the new vault.
pub(crate) fn keys() -> KeyRing {
    KeyRing::new(Key::new("k1", [7; 32]).unwrap())
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Seals a text as Orcheo does.
pub(crate) fn envelope(text: &str) -> Value {
    let key = Sha256::digest(OLD_KEY.as_bytes());
    let cipher = Aes256Gcm::new_from_slice(&key).unwrap();
    let mut sealed = text.as_bytes().to_vec();
    let nonce = [9; 12];
    let value = sealed.as_mut_slice().into();
    let tag = cipher.encrypt_inout_detached(&Nonce::from(nonce), b"", value).unwrap();
    let bytes = [&nonce[..], &sealed, &tag].concat();
    json!({"algorithm": "aes256-gcm.v1", "key_id": "primary", "ciphertext": STANDARD.encode(bytes)})
}

/// Reads a query of a file: every value as SQL writes it, so that types differ.
pub(crate) fn read(path: &Path, sql: &str) -> Vec<Vec<String>> {
    let conn = Connection::open(path).unwrap();
    let mut statement = conn.prepare(sql).unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        (0..columns).map(|column| row.get_ref(column).map(|value| format!("{value:?}"))).collect()
    });
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}
