//! Files of what was deleted: processes die between the deletion and the removal, and others
//! finish it.

use std::os::unix::fs::symlink;

use store_core::ThreadId;
use store_tests::fixture::Chats;
use store_tests::samples::{
    administrator, alice, attach, attachment_id, file_at, released, saved, thread,
};

use crate::support::{Process, Uploads};

/// What a process that removes files tells: how many it removed, and how many it could not.
async fn removed(t: &Chats, uploads: &Uploads) -> (u64, u64) {
    let mut process = Process::start(t, &["remove", &uploads.argument()]).await;
    process.go_on().await;
    told(&process.end().await)
}

fn told(lines: &[Vec<serde_json::Value>]) -> (u64, u64) {
    assert_eq!((lines.len(), &lines[0][0]), (1, &"removed".into()), "{lines:?}");
    (lines[0][1].as_u64().expect("a number"), lines[0][2].as_u64().expect("a number"))
}

/// Saves a thread and uploads so many files to it; returns their paths.
async fn with_files(t: &Chats, uploads: &Uploads, name: &str, count: usize) -> Vec<String> {
    saved(t, name).await;
    uploads.upload(t, &thread(name), count).await
}

/// Deletes an attachment.
async fn delete(t: &Chats, id: &str) {
    let deleted = t.store.delete_attachment(&administrator(), &attachment_id(id)).await;
    deleted.expect("the attachment is deleted");
}

/// A process is killed when its threads are deleted, and none of their files. Another one removes
/// the files, and leaves those of the living alone.
async fn files_that_a_killed_process_left_are_removed_by_another_one(t: &Chats) {
    let uploads = Uploads::new();
    let living = with_files(t, &uploads, "living", 3).await;
    let mut dead = with_files(t, &uploads, "dead 1", 4).await;
    dead.extend(with_files(t, &uploads, "dead 2", 2).await);
    let arguments = ["delete", &uploads.argument(), "dead 1", "dead 2"];
    let mut process = Process::start(t, &arguments).await;
    process.go_on().await;
    process.tells("deleted").await;
    process.kill().await;

    let gone = t.store.load_attachment(&administrator(), &attachment_id("dead 1_0")).await;
    assert!(matches!(gone, Err(store_core::Error::NotFound { .. })), "{gone:?}");
    let mut listed = released(t).await;
    listed.sort_unstable();
    assert_eq!(listed, dead, "the process left them to others");
    assert_eq!(uploads.files().len(), 9, "it removed nothing");
    assert_eq!(removed(t, &uploads).await, (6, 0));
    uploads.holds(t, &living).await;
    assert_eq!(removed(t, &uploads).await, (0, 0), "it is finished");
    uploads.holds(t, &living).await;
}

/// What a process that is not killed does.
async fn files_of_deleted_threads_are_removed(t: &Chats) {
    let uploads = Uploads::new();
    let living = with_files(t, &uploads, "living", 2).await;
    with_files(t, &uploads, "dead", 3).await;
    let mut process = Process::start(t, &["delete", &uploads.argument(), "dead"]).await;
    process.go_on().await;
    process.tells("deleted").await;
    process.go_on().await;
    assert_eq!(told(&process.end().await), (3, 0));
    uploads.holds(t, &living).await;
}

/// Threads of a round of deletions, and the attachments of each.
const THREADS: usize = 12;
const ATTACHMENTS: usize = 3;

/// Asserts that the files of all living attachments are there; returns their paths.
async fn living(t: &Chats, uploads: &Uploads, threads: &[ThreadId]) -> Vec<String> {
    let files = uploads.files();
    let mut living = Vec::new();
    for thread in threads {
        for number in 0..ATTACHMENTS {
            let id = attachment_id(&format!("{thread}_{number}"));
            match t.store.load_attachment(&administrator(), &id).await {
                Ok(attachment) => living.extend(attachment.storage_path),
                Err(store_core::Error::NotFound { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert!(living.iter().all(|path| files.contains(path)), "no attachment without its file");
    living
}

/// Waits until nothing more of a process that was killed can happen: PostgreSQL still carries out
/// a commit that was sent to it.
async fn settled(t: &Chats) {
    if !t.place.is_sqlite() {
        t.sql("BEGIN; LOCK TABLE chatkit_attachments; COMMIT").await;
    }
}

/// Processes that delete and remove are killed at any moment: in the end no attachment is without
/// its file, and no file without its attachment.
async fn no_file_is_lost_or_left_when_processes_are_killed_at_any_moment(t: &Chats) {
    let uploads = Uploads::new();
    let mut all: Vec<ThreadId> = Vec::new();
    for round in 0..10 {
        let names: Vec<String> = (0..THREADS).map(|n| format!("round {round}, {n}")).collect();
        for name in &names {
            with_files(t, &uploads, name, ATTACHMENTS).await;
            all.push(thread(name));
        }
        let directory = uploads.argument();
        let mut arguments = vec!["churn", directory.as_str()];
        arguments.extend(names.iter().map(String::as_str));
        let mut process = Process::start(t, &arguments).await;
        process.go_on().await;
        // It tells of two deletions for each thread. Meanwhile it is always at something else.
        for _ in 0..(round * 7 + 3) % (2 * THREADS) {
            process.next().await.expect("it goes on until it is killed");
        }
        process.kill().await;
        settled(t).await;
        let before = living(t, &uploads, &all).await;
        let (_, kept) = removed(t, &uploads).await;
        assert_eq!(kept, 0);
        let after = living(t, &uploads, &all).await;
        assert_eq!(after, before, "removing files deletes nothing");
        uploads.holds(t, &after).await;
    }
}

/// What stands in the place of a file may not be one. It is tried again the next time.
async fn a_file_that_cannot_be_removed_stays_listed(t: &Chats) {
    let uploads = Uploads::new();
    for name in ["one", "stuck", "two"] {
        uploads.write(name);
        attach(t, file_at(name, name)).await;
        delete(t, name).await;
    }
    let stuck = uploads.root().join("stuck");
    std::fs::remove_file(&stuck).expect("it is a file");
    std::fs::create_dir(&stuck).expect("the directory is made");
    for round in [2, 0] {
        let removal = uploads.directory.remove_released(&*t.store).await.expect("it removes");
        assert_eq!(removal.removed, round);
        let kept: Vec<&str> = removal.kept.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(kept, ["stuck"]);
        assert!(!removal.kept[0].1.is_empty(), "there is a reason");
        assert_eq!(released(t).await, ["stuck"]);
        assert!(stuck.is_dir());
    }
    std::fs::remove_dir(&stuck).expect("it is empty");
    uploads.write("stuck");
    assert_eq!(removed(t, &uploads).await, (1, 0));
    uploads.holds(t, &[]).await;
}

/// Paths that lead out of the directory are not followed.
async fn files_outside_of_the_directory_are_left_alone(t: &Chats) {
    let uploads = Uploads::new();
    uploads.write("inside");
    let outside = uploads.around().join("outside");
    std::fs::write(&outside, "precious").expect("the file is written");
    let absolute = outside.to_str().expect("a path of characters");
    let paths = ["../outside", "down/../../outside", absolute, "inside"];
    for (number, path) in paths.iter().enumerate() {
        attach(t, file_at(&number.to_string(), path)).await;
        delete(t, &number.to_string()).await;
    }
    let removal = uploads.directory.remove_released(&*t.store).await.expect("it removes");
    assert_eq!(removal.removed, 1);
    let mut kept: Vec<&str> = removal.kept.iter().map(|(path, _)| path.as_str()).collect();
    kept.sort_unstable();
    let mut listed = released(t).await;
    listed.sort_unstable();
    assert_eq!((kept.len(), listed), (3, kept.iter().map(|path| (*path).to_owned()).collect()));
    assert_eq!(std::fs::read_to_string(&outside).expect("it is there"), "precious");
    assert!(uploads.files().is_empty());
}

/// One file can be named in several ways; an attachment has it under one of them.
async fn a_path_written_in_another_way_does_not_take_the_file_of_another_attachment(t: &Chats) {
    let uploads = Uploads::new();
    uploads.write("down/file");
    attach(t, file_at("living", "down/file")).await;
    for path in ["./down/file", "down//file", "down/./file", "down/file/."] {
        // Whether it is refused here or kept later is not what this is about.
        if t.store.save_attachment(&alice(), file_at("dead", path)).await.is_ok() {
            delete(t, "dead").await;
        }
        uploads.directory.remove_released(&*t.store).await.expect("it removes");
        assert!(uploads.files().contains("down/file"), "{path}");
    }
}

/// A link is removed, and not what it leads to.
async fn of_a_link_nothing_but_the_link_is_removed(t: &Chats) {
    let uploads = Uploads::new();
    uploads.write("living");
    let outside = uploads.around().join("outside");
    std::fs::write(&outside, "precious").expect("the file is written");
    symlink(&outside, uploads.root().join("link")).expect("it is made");
    attach(t, file_at("link", "link")).await;
    delete(t, "link").await;
    assert_eq!(removed(t, &uploads).await, (1, 0));
    uploads.holds(t, &["living".to_owned()]).await;
    assert_eq!(std::fs::read_to_string(&outside).expect("it is there"), "precious");
}

/// More files than a page holds, and two processes that remove them: between them they do it, and
/// neither stumbles over what the other one has done.
async fn two_processes_may_remove_at_the_same_time(t: &Chats) {
    let uploads = Uploads::new();
    let living = with_files(t, &uploads, "living", 5).await;
    for number in 0..6 {
        let name = format!("dead {number}");
        with_files(t, &uploads, &name, 200).await;
        let deleted = t.store.delete_thread(&administrator(), &thread(&name)).await;
        deleted.expect("the thread is deleted");
    }
    let directory = uploads.argument();
    let arguments = ["remove", directory.as_str()];
    let (mut one, mut two) =
        tokio::join!(Process::start(t, &arguments), Process::start(t, &arguments));
    tokio::join!(one.go_on(), two.go_on());
    let (one, two) = tokio::join!(one.end(), two.end());
    let ((one, kept_by_one), (two, kept_by_two)) = (told(&one), told(&two));
    assert_eq!((kept_by_one, kept_by_two), (0, 0));
    assert!(one + two >= 1200, "{one} and {two}");
    uploads.holds(t, &living).await;
}

on_both! {
    files_that_a_killed_process_left_are_removed_by_another_one,
    files_of_deleted_threads_are_removed,
    no_file_is_lost_or_left_when_processes_are_killed_at_any_moment,
    a_file_that_cannot_be_removed_stays_listed,
    files_outside_of_the_directory_are_left_alone,
    a_path_written_in_another_way_does_not_take_the_file_of_another_attachment,
    of_a_link_nothing_but_the_link_is_removed,
    two_processes_may_remove_at_the_same_time,
}
