//! Archives that were damaged, changed or mixed up on their way.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Place, filled};

/// Returns the files of an archive whose names end so.
fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.to_str().unwrap().ends_with(suffix)).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

/// Flips a bit in the middle of a file.
fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_is_named_and_nothing_is_written() {
    let place = Place::new("damage").await;
    filled(&place, "app.db").await;
    place.export(&place.sqlite("app.db"), "files");
    let folder = place.path("files");
    let refused = |text: &str| place.import("files", &place.postgres()).refused(text);

    for path in [files(&folder, ".rows.zst"), files(&folder, ".blob.zst")].concat() {
        let whole = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();

        flip(&path);
        refused(&format!("{name} was changed or damaged"));
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        refused(&format!("{name} is truncated"));
        fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
        refused(&format!("{name} is too long"));
        fs::remove_file(&path).unwrap();
        refused(name);
        fs::create_dir(&path).unwrap();
        refused(&format!("{name} is not a file"));
        fs::remove_dir(&path).unwrap();
        fs::write(&path, &whole).unwrap();
    }

    fs::write(folder.join("9999-000000.rows.zst"), "more").unwrap();
    refused("9999-000000.rows.zst is not a file of the archive");
    fs::remove_file(folder.join("9999-000000.rows.zst")).unwrap();

    assert_eq!(place.tables().await, 0, "nothing was written");
    place.import("files", &place.postgres()).done();
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_was_changed_or_is_of_another_archive_is_refused() {
    let place = Place::new("manifest").await;
    let conn = filled(&place, "app.db").await;
    place.export(&place.sqlite("app.db"), "files");
    conn.execute("DELETE FROM history_steps WHERE step_index = 0", []).unwrap();
    place.export(&place.sqlite("app.db"), "others");
    let path = place.path("files").join("manifest.json");
    let whole = fs::read_to_string(&path).unwrap();
    let refused = |text: &str| place.import("files", &place.postgres()).refused(text);
    let write = |text: &str| fs::write(&path, text).unwrap();

    write(&whole.replace("\"rows\": 300", "\"rows\": 301"));
    refused("was changed or damaged");
    write(&whole.replacen("\"postgres\": \"workflows\"", "\"postgres\": \"w\"", 1));
    refused("was changed or damaged");
    write(&whole.replacen("\"plan\"", "\"plam\"", 1));
    refused("is damaged");
    write(&whole.replacen("\"format\": 1", "\"format\": 2", 1));
    refused("has format 2");
    write("[]");
    refused("is not the manifest of an archive");
    write(&whole[..whole.len() / 2]);
    refused("is not the manifest of an archive");
    fs::copy(place.path("others").join("manifest.json"), &path).unwrap();
    refused("the manifest");

    assert_eq!(place.tables().await, 0, "nothing was written");
    write(&whole);
    place.import("files", &place.postgres()).done();
    place.finish().await;
}
