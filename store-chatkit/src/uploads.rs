//! Removing the files of attachments that are gone.

use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use store_core::chatkit::ChatKitStore;
use store_core::{Error, Failure, PageRequest, Result};
use tokio::task::spawn_blocking;

/// The directory in which an application keeps what was uploaded. Storage paths are relative to it.
#[derive(Debug, Clone)]
pub struct UploadDirectory {
    root: PathBuf,
}

/// What became of the files that attachments released.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileRemoval {
    /// How many were removed, or were not there any more.
    pub removed: u64,
    /// Those that could not be removed, with the reason. They are tried again the next time.
    pub kept: Vec<(String, String)>,
}

impl UploadDirectory {
    /// Names a directory. It does not have to exist yet.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Returns where the file of a storage path is; nothing for a path that leads elsewhere, or
    /// leads where another one does: one that is absolute, or has `.`, `..` or an empty part in it.
    #[must_use]
    pub fn path_of(&self, storage_path: &str) -> Option<PathBuf> {
        let parts = Path::new(storage_path).components();
        let plain: PathBuf = parts.filter(|part| matches!(part, Component::Normal(_))).collect();
        // What is spelt in another way differs as text.
        let leads_here = !storage_path.is_empty() && plain.as_os_str() == storage_path;
        leads_here.then(|| self.root.join(plain))
    }

    /// Removes the files that no attachment needs any more, and takes them off the list.
    ///
    /// Call it after deleting and pruning, and when the application starts: what a process that
    /// died has left is finished then. Any number of processes may do so at once. A link is
    /// removed, not what it leads to.
    ///
    /// # Errors
    /// Those of the store. A file that cannot be removed is no error: it is in the answer.
    pub async fn remove_released(&self, store: &dyn ChatKitStore) -> Result<FileRemoval> {
        let mut removal = FileRemoval::default();
        let mut page = PageRequest::first(PageRequest::MAX_LIMIT);
        loop {
            let files = store.released_files(&page).await?;
            let paths = files.items.into_iter().map(|file| file.storage_path).collect();
            let directory = self.clone();
            let (removed, kept) = spawn_blocking(move || directory.remove(paths))
                .await
                .map_err(|_panicked| Error::failed("remove_released", Failure::Other))?;
            removal.kept.extend(kept);
            store.forget_files(&removed).await?;
            removal.removed += removed.len() as u64;
            match files.next {
                Some(next) => page = page.after(next),
                None => return Ok(removal),
            }
        }
    }

    /// Removes files; returns the paths of those that are gone, and the others with the reason.
    fn remove(&self, storage_paths: Vec<String>) -> (Vec<String>, Vec<(String, String)>) {
        let mut removed = Vec::new();
        let mut kept = Vec::new();
        for storage_path in storage_paths {
            let Some(path) = self.path_of(&storage_path) else {
                kept.push((storage_path, "it is no plain path below the directory".into()));
                continue;
            };
            match std::fs::remove_file(path) {
                Ok(()) => removed.push(storage_path),
                Err(error) if error.kind() == ErrorKind::NotFound => removed.push(storage_path),
                Err(error) => kept.push((storage_path, error.to_string())),
            }
        }
        (removed, kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_the_directory() {
        let uploads = UploadDirectory::new("/srv/uploads");
        let file = |path: &str| uploads.path_of(path);
        assert_eq!(file("a/b.pdf"), Some("/srv/uploads/a/b.pdf".into()));
        assert_eq!(file("späße 🎉.png"), Some("/srv/uploads/späße 🎉.png".into()));
        for outside in ["/etc/passwd", "../x", "a/../../x", "a/..", "", ".", "/"] {
            assert_eq!(file(outside), None, "{outside}");
        }
        for spelt_otherwise in ["./a", "a//b", "a/./b", "a/"] {
            assert_eq!(file(spelt_otherwise), None, "{spelt_otherwise}");
        }
    }
}
