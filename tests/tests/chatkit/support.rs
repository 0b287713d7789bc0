//! Other processes on the database of a fixture, and a directory with what was uploaded.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use store_chatkit::UploadDirectory;
use store_core::ThreadId;
use store_core::chatkit::NewAttachment;
use store_tests::fixture::{Chats, Place};
use store_tests::samples::{attach, file_at, released};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const PROGRAM: &str = env!("CARGO_BIN_EXE_store-test-chatter");

/// How long a test waits for what has to happen.
const PATIENCE: Duration = Duration::from_secs(120);

/// Another process that works with the conversations.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts a process, and returns once it can begin.
    pub(crate) async fn start(t: &Chats, arguments: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        match &t.place {
            #[cfg(feature = "sqlite")]
            Place::Sqlite(place) => {
                command.arg(format!("sqlite:{}", place.db.path().display())).arg("-")
            }
            #[cfg(feature = "postgres")]
            Place::Postgres(place) => {
                command.arg(store_tests::fixture::postgres::url()).arg(&place.schemas[0])
            }
        };
        command.args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the process starts");
        let input = child.stdin.take().expect("a pipe");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut process = Self { child, input, lines };
        process.tells("ready").await;
        process
    }

    /// Lets it go on.
    pub(crate) async fn go_on(&mut self) {
        self.input.write_all(b"go on\n").await.expect("the process reads");
    }

    /// Returns the next line it prints, or nothing after the last.
    pub(crate) async fn next(&mut self) -> Option<Vec<Value>> {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.expect("the process goes on").expect("the pipe is readable")?;
        Some(serde_json::from_str(&line).unwrap_or_else(|_not_json| panic!("not a list: {line}")))
    }

    /// Asserts what the next line is.
    pub(crate) async fn tells(&mut self, word: &str) {
        let line = self.next().await.unwrap_or_else(|| panic!("it ended before `{word}`"));
        assert_eq!(line, [word]);
    }

    /// Waits until it ends, and returns the lines that are left.
    pub(crate) async fn end(mut self) -> Vec<Vec<Value>> {
        let mut lines = Vec::new();
        while let Some(line) = self.next().await {
            lines.push(line);
        }
        let status = self.child.wait().await.expect("the process ends");
        assert!(status.success(), "{status}");
        lines
    }

    /// Kills it without warning.
    pub(crate) async fn kill(mut self) {
        self.child.start_kill().expect("the process is still there");
        let status = self.child.wait().await.expect("the process ends");
        assert_eq!(status.code(), None, "it was killed, it did not end by itself");
    }
}

/// A directory in which an application keeps what was uploaded.
pub(crate) struct Uploads {
    /// The directory has a neighbour in it that must not be touched.
    around: TempDir,
    pub(crate) directory: UploadDirectory,
}

impl Uploads {
    pub(crate) fn new() -> Self {
        let around = tempfile::tempdir().expect("a temporary directory");
        let directory = UploadDirectory::new(around.path().join("uploads"));
        Self { around, directory }
    }

    /// What is around the directory.
    pub(crate) fn around(&self) -> &Path {
        self.around.path()
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.around.path().join("uploads")
    }

    /// The directory as an argument of a process.
    pub(crate) fn argument(&self) -> String {
        self.root().to_str().expect("a path of characters").to_owned()
    }

    /// Writes a file.
    pub(crate) fn write(&self, storage_path: &str) {
        let path = self.root().join(storage_path);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("it is made");
        std::fs::write(path, storage_path).expect("the file is written");
    }

    /// Uploads so many files to a thread, and returns their paths. The id of each attachment is
    /// the name of the thread and a number.
    pub(crate) async fn upload(&self, t: &Chats, thread: &ThreadId, count: usize) -> Vec<String> {
        let mut paths = Vec::with_capacity(count);
        for number in 0..count {
            let path = format!("{thread}/file {number}.bin");
            self.write(&path);
            let thread_id = Some(thread.clone());
            let new = file_at(&format!("{thread}_{number}"), &path);
            attach(t, NewAttachment { thread_id, ..new }).await;
            paths.push(path);
        }
        paths
    }

    /// The paths of all files that are there.
    pub(crate) fn files(&self) -> BTreeSet<String> {
        let mut files = BTreeSet::new();
        let mut directories = vec![self.root()];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(directory).expect("the directory is readable") {
                let path = entry.expect("the directory is readable").path();
                if path.is_dir() {
                    directories.push(path);
                } else {
                    let path = path.strip_prefix(self.root()).expect("it is in there");
                    files.insert(path.to_str().expect("a path of characters").to_owned());
                }
            }
        }
        files
    }

    /// Asserts that these files are there and no others, and that no file waits for its removal.
    pub(crate) async fn holds(&self, t: &Chats, expected: &[String]) {
        assert_eq!(released(t).await, [""; 0]);
        assert_eq!(self.files(), expected.iter().cloned().collect());
    }
}
