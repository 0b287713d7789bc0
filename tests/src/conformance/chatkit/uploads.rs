//! Removing the files of attachments that are gone from a directory.

use std::path::Path;

use store_chatkit::{FileRemoval, UploadDirectory};

use crate::behaviours;
use crate::fixture::Chats;
use crate::samples::{alice, attach, attachment_id, file_at, file_in, released, saved, thread};

/// Writes files under a directory.
fn write(root: &Path, paths: &[&str]) {
    for path in paths {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().expect("it is in a directory")).expect("it is made");
        std::fs::write(path, "x").expect("the file is written");
    }
}

async fn remove(t: &Chats, root: &Path) -> FileRemoval {
    UploadDirectory::new(root).remove_released(&*t.store).await.expect("the list is read")
}

behaviours! {
    emits chatkit_uploads_tests from chatkit::uploads;

    /// Files that were released are removed, those of attachments stay.
    async fn files_that_were_released_are_removed(t: &Chats) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let root = directory.path();
        write(root, &["2026/späße 🎉.png", "b", "c"]);
        saved(t, "thr_1").await;
        attach(t, file_in("thr_1", "1", "2026/späße 🎉.png")).await;
        attach(t, file_at("2", "b")).await;
        assert_eq!(remove(t, root).await, FileRemoval::default());
        t.store.delete_thread(&alice(), &thread("thr_1")).await.unwrap();
        assert_eq!(remove(t, root).await, FileRemoval { removed: 1, kept: vec![] });
        assert!(!root.join("2026/späße 🎉.png").exists());
        assert!(root.join("b").exists() && root.join("c").exists());
        assert!(released(t).await.is_empty());
    }

    /// A file that is not there any more is taken off the list.
    async fn a_file_that_is_not_there_is_taken_off_the_list(t: &Chats) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        attach(t, file_at("1", "a/b/c")).await;
        t.store.delete_attachment(&alice(), &attachment_id("1")).await.unwrap();
        let missing = directory.path().join("never made");
        assert_eq!(remove(t, &missing).await.removed, 1);
        assert!(released(t).await.is_empty());
    }

    /// A path that leads out of the directory is kept on the list, and the others are removed.
    async fn a_path_that_leads_out_stays_on_the_list(t: &Chats) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let root = directory.path().join("uploads");
        write(directory.path(), &["secret", "uploads/a", "uploads/z"]);
        let absolute = directory.path().join("secret").to_str().expect("a text").to_owned();
        let outside = ["../secret", "a/../../secret", &absolute];
        for path in outside.into_iter().chain(["a", "z"]) {
            attach(t, file_at(path, path)).await;
            t.store.delete_attachment(&alice(), &attachment_id(path)).await.unwrap();
        }
        let removal = remove(t, &root).await;
        assert_eq!((removal.removed, removal.kept.len()), (2, 3));
        assert!(directory.path().join("secret").exists());
        assert!(!root.join("a").exists() && !root.join("z").exists());
        assert_eq!(released(t).await.len(), 3);
    }

    /// A file that cannot be removed is tried again.
    async fn a_file_that_cannot_be_removed_is_tried_again(t: &Chats) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let root = directory.path();
        // A directory is not removed as a file.
        write(root, &["a/inside"]);
        attach(t, file_at("1", "a")).await;
        t.store.delete_attachment(&alice(), &attachment_id("1")).await.unwrap();
        for _ in 0..2 {
            let removal = remove(t, root).await;
            assert_eq!((removal.removed, removal.kept.len()), (0, 1));
            assert_eq!(removal.kept[0].0, "a");
        }
        std::fs::remove_dir_all(root.join("a")).expect("it is removed");
        write(root, &["a"]);
        assert_eq!(remove(t, root).await, FileRemoval { removed: 1, kept: vec![] });
        assert!(!root.join("a").exists());
    }

    /// More files than a page holds are removed in one go, over two that run at once.
    async fn more_files_than_a_page_holds_are_removed(t: &Chats) {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let root = directory.path();
        saved(t, "thr_1").await;
        let paths: Vec<String> = (0..1100).map(|number| format!("{number:04}")).collect();
        for path in &paths {
            attach(t, file_in("thr_1", path, path)).await;
        }
        write(root, &paths.iter().map(String::as_str).collect::<Vec<_>>());
        t.store.delete_thread(&alice(), &thread("thr_1")).await.unwrap();
        let (a, b) = tokio::join!(remove(t, root), remove(t, root));
        assert!(a.kept.is_empty() && b.kept.is_empty());
        assert!(a.removed + b.removed >= 1100);
        assert!(released(t).await.is_empty());
        assert_eq!(std::fs::read_dir(root).expect("it is listed").count(), 0);
    }
}
