//! Keys in a file.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Barrier};

use tempfile::tempdir;

use super::{hex, id, refused, registered};
use crate::keys::{KeyFile, KeyProvider, ProvidedKeys};

async fn read(path: &Path) -> store_core::Result<ProvidedKeys> {
    KeyFile::new(path).keys(&[]).await
}

fn write(path: &Path, content: &str) {
    fs::write(path, content).unwrap();
    #[cfg(unix)]
    chmod(path, 0o600);
}

#[cfg(unix)]
fn chmod(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;

    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;

    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn the_first_line_seals_and_the_others_are_readable() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("keys");
    write(&path, &format!("{}\n{}\n", hex(1), hex(2)));
    let keys = read(&path).await.unwrap();
    assert_eq!(keys.ring.key_ids(), [id(1), id(2)]);
    assert!(keys.derivations.is_empty());
    // It is read anew each time: that is how a key is changed.
    write(&path, &format!("{}\n{}\n", hex(3), hex(1)));
    assert_eq!(read(&path).await.unwrap().ring.key_ids(), [id(3), id(1)]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_others_may_access_is_refused() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("keys");
    write(&path, &hex(1));
    for mode in [0o640, 0o604, 0o660, 0o644, 0o601] {
        chmod(&path, mode);
        let result = KeyFile::new(&path).create_missing(true).keys(&[]).await;
        assert!(refused(result, "VAULT_KEY_FILE").contains("chmod 600"));
    }
    chmod(&path, 0o400);
    assert!(read(&path).await.is_ok());
}

#[tokio::test]
async fn a_missing_file_is_an_error_unless_it_is_to_be_created() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("keys");
    assert!(refused(read(&path).await, "VAULT_KEY_FILE").contains("cannot be read"));
    assert!(!path.exists());

    let created = KeyFile::new(&path).create_missing(true).keys(&[]).await.unwrap();
    let content = fs::read_to_string(&path).unwrap();
    assert!(content.len() == 65 && content.ends_with('\n'), "{}", content.len());
    #[cfg(unix)]
    assert_eq!(mode(&path), 0o600);
    // Nothing else is left, and the file is read from now on.
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    let again = KeyFile::new(&path).create_missing(true).keys(&[]).await.unwrap();
    assert_eq!(again.ring.key_ids(), created.ring.key_ids());
    assert_eq!(read(&path).await.unwrap().ring.key_ids(), created.ring.key_ids());
}

#[tokio::test]
async fn two_files_get_two_keys() {
    let directory = tempdir().unwrap();
    let mut ids = BTreeSet::new();
    for name in ["a", "b"] {
        let file = KeyFile::new(directory.path().join(name)).create_missing(true);
        ids.insert(file.keys(&[]).await.unwrap().ring.current_id().to_owned());
    }
    assert_eq!(ids.len(), 2);
}

#[tokio::test]
async fn no_new_key_takes_the_place_of_a_lost_file() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("keys");
    let file = KeyFile::new(&path).create_missing(true);
    let reason = refused(file.keys(&[registered("old")]).await, "VAULT_KEY_FILE");
    assert!(reason.contains("restore the file"), "{reason}");
    assert!(!path.exists());

    let mut retired = registered("old");
    retired.retired = true;
    assert!(file.keys(&[retired]).await.is_ok());
}

#[tokio::test]
async fn what_is_there_is_never_replaced() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("keys");
    write(&path, "");
    let file = KeyFile::new(&path).create_missing(true);
    refused(file.keys(&[]).await, "VAULT_KEY_FILE");
    assert_eq!(fs::read(&path).unwrap(), b"");

    refused(KeyFile::new(directory.path()).create_missing(true).keys(&[]).await, "VAULT_KEY_FILE");
    let nowhere = directory.path().join("missing/keys");
    let reason =
        refused(KeyFile::new(nowhere).create_missing(true).keys(&[]).await, "VAULT_KEY_FILE");
    assert!(reason.contains("cannot be created"), "{reason}");

    #[cfg(unix)]
    {
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(directory.path().join("target"), &link).unwrap();
        refused(KeyFile::new(&link).create_missing(true).keys(&[]).await, "VAULT_KEY_FILE");
        assert!(!directory.path().join("target").exists());
    }
}

#[test]
fn eight_threads_that_find_it_missing_get_one_key() {
    const THREADS: usize = 8;
    for _round in 0..20 {
        let directory = tempdir().unwrap();
        let path = Arc::new(directory.path().join("keys"));
        let barrier = Arc::new(Barrier::new(THREADS));
        let threads = [(); THREADS].map(|()| {
            let (path, barrier) = (Arc::clone(&path), Arc::clone(&barrier));
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                let file = KeyFile::new(&*path).create_missing(true);
                barrier.wait();
                runtime.block_on(file.keys(&[])).unwrap().ring.current_id().to_owned()
            })
        });
        let ids: BTreeSet<String> = threads.into_iter().map(|each| each.join().unwrap()).collect();
        assert_eq!(ids.len(), 1);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
