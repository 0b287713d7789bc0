//! The directory of an archive.

use std::fs;

use crate::support::{Place, filled, run};

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_directory_and_its_files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = Place::new("owner").await;
    filled(&place, "app.db").await;
    // One that is there already, for all to read.
    let folder = place.path("files");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    place.export(&place.sqlite("app.db"), "files");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let mut files = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        files += 1;
    }
    assert!(files > 5, "{files}");
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_with_an_archive_or_other_files_is_refused() {
    let place = Place::new("taken").await;
    filled(&place, "app.db").await;
    let export = |out: &str| {
        let (from, out) = (place.sqlite("app.db"), place.path(out));
        run(&["export", "--from", &from, "--out", out.to_str().unwrap()])
    };
    export("files").done();
    export("files").refused("has a finished archive");
    place.import("files", &place.sqlite("loaded.db")).done();

    let foreign = place.path("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("letter.txt"), "dear").unwrap();
    export("foreign").refused("letter.txt");
    fs::write(foreign.join("unfinished"), "").unwrap();
    export("foreign").refused("letter.txt");
    assert_eq!(fs::read(foreign.join("letter.txt")).unwrap(), b"dear");
    place.import("foreign", &place.postgres()).refused("was not finished");
    fs::remove_file(foreign.join("unfinished")).unwrap();
    place.import("foreign", &place.postgres()).refused("has no archive");
    place.import("nowhere", &place.postgres()).refused("has no archive");
    assert_eq!(place.tables().await, 0);
    place.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_when_a_value_does_not_convert() {
    let place = Place::new("unconvertible").await;
    let conn = filled(&place, "app.db").await;
    conn.execute("UPDATE chatkit_threads SET title = CAST(x'ff' AS TEXT)", []).unwrap();
    let (from, out) = (place.sqlite("app.db"), place.path("files"));
    let ended = run(&["export", "--from", &from, "--out", out.to_str().unwrap()]);
    assert_eq!(ended.code, Some(3), "{}", ended.errors);
    assert_eq!(ended.report["problems"][0]["column"], "title");
    assert!(!out.exists());
    place.finish().await;
}
