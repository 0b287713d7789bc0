//! The file of an attachment, and what becomes of it when its conversation is pruned.

use serde_json::json;
use store_chatkit::UploadDirectory;
use store_core::chatkit::{
    AttachmentType, ChatContext, ChatKitStore, NewAttachment, NewThread, ThreadPrune,
};
use store_core::{PageRequest, ThreadId};

use crate::Result;
use crate::report::{self, Report, count};

/// How many conversations come later, …
const LATER: usize = 4;
/// … and how many stay in the end.
const KEPT: u32 = 3;

/// Saves an attachment, then its file; returns the path of the file.
pub(super) async fn attach(
    report: &mut Report,
    store: &dyn ChatKitStore,
    ada: &ChatContext,
    thread: &ThreadId,
    uploads: &UploadDirectory,
) -> Result<String> {
    report.section("Attach a file");
    let id = store.generate_attachment_id()?;
    let path = format!("{id}.log");
    let file = uploads.path_of(&path).ok_or("the path leads out of the directory")?;
    let log = "No space left on device\n";
    let form = json!({ "id": id, "type": "file", "name": "export.log", "mime_type": "text/plain" });
    let attachment = NewAttachment {
        size: Some(i64::try_from(log.len())?),
        thread_id: Some(thread.clone()),
        storage_path: Some(path.clone()),
        ..NewAttachment::from_json(form)?
    };
    let (saved, took) = report::timed(store.save_attachment(ada, attachment)).await;
    let saved = saved?;
    // After the row: no file is there that no row knows of.
    std::fs::write(&file, log)?;
    if saved.attachment_type != AttachmentType::File {
        return Err("the attachment is not what was saved".into());
    }
    report::done(format!("{} of {} bytes", saved.name, saved.size.unwrap_or_default()), took);
    report::note(format!("as clients see it: {}", saved.to_json()));
    Ok(path)
}

pub(super) async fn prune(
    report: &mut Report,
    store: &dyn ChatKitStore,
    ada: &ChatContext,
    thread: &ThreadId,
) -> Result<()> {
    report.section("Prune conversations");
    for nth in 0..LATER {
        let later = store.generate_thread_id()?;
        let new = NewThread { title: Some(format!("Question {nth}")), ..NewThread::new(later) };
        store.save_thread(ada, new).await?;
    }
    let request = ThreadPrune::keep(KEPT);
    let planned = store.prune(ada, &request.clone().dry_run()).await?;
    let (pruned, took) = report::timed(store.prune(ada, &request)).await;
    let pruned = pruned?;
    if pruned != planned {
        return Err("a dry run did not tell what the run did".into());
    }
    let (threads, items, files) = (pruned.threads, count(pruned.items), pruned.files);
    report::done(format!("all but {KEPT}: {threads} threads, {items} items, {files} file"), took);
    let Err(gone) = store.load_thread(ada, thread).await else {
        return Err("the oldest conversation was not pruned".into());
    };
    report::note(format!("{gone}"));
    Ok(())
}

/// Removes the file of this run alone: where others use the database too, theirs are theirs.
///
/// An application has a directory of its own and calls `UploadDirectory::remove_released`.
pub(super) async fn remove(
    report: &mut Report,
    store: &dyn ChatKitStore,
    uploads: &UploadDirectory,
    path: String,
) -> Result<()> {
    report.section("Remove the file that nobody needs any more");
    if !is_released(store, &path).await? {
        return Err("the file is not listed as released".into());
    }
    let file = uploads.path_of(&path).ok_or("the path leads out of the directory")?;
    std::fs::remove_file(file)?;
    let paths = [path];
    let (forgotten, took) = report::timed(store.forget_files(&paths)).await;
    report::done(format!("{} file removed, and off the list", forgotten?), took);
    Ok(())
}

async fn is_released(store: &dyn ChatKitStore, path: &str) -> Result<bool> {
    let mut page = PageRequest::first(PageRequest::MAX_LIMIT);
    loop {
        let files = store.released_files(&page).await?;
        if files.items.iter().any(|file| file.storage_path == path) {
            return Ok(true);
        }
        match files.next {
            Some(next) => page = page.after(next),
            None => return Ok(false),
        }
    }
}
