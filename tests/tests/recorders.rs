//! Recorders of training checkpoints in two processes: versions without a gap, and one best.
#![cfg(any(feature = "sqlite", feature = "postgres"))]
#![expect(clippy::expect_used, reason = "tests fail by panicking")]

use std::process::Stdio;

use store_core::PageRequest;
use store_core::checkpoints::{Checkpoint, Goal};
use store_tests::fixture::{Checkpoints, Place};
use store_tests::samples::{TRAINING, metric, recorded_many, versions};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const PROGRAM: &str = env!("CARGO_BIN_EXE_store-test-recorder");
/// Recorders of one process, and how many checkpoints each records.
const RECORDERS: u32 = 16;
const EACH: u32 = 10;

/// A process with several recorders.
struct Process {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts a process, and returns once its recorders can begin.
    async fn start(place: &Place) -> Self {
        let mut command = Command::new(PROGRAM);
        command.args([&RECORDERS.to_string(), &EACH.to_string(), TRAINING]);
        match place {
            #[cfg(feature = "sqlite")]
            Place::Sqlite(place) => command.arg(format!("sqlite:{}", place.db.path().display())),
            #[cfg(feature = "postgres")]
            Place::Postgres(place) => {
                command.arg(store_tests::fixture::postgres::url()).arg(&place.schemas[0])
            }
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the process starts");
        let input = child.stdin.take().expect("a pipe");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut process = Self { child, input, lines };
        assert_eq!(process.line().await, "ready");
        process
    }

    async fn line(&mut self) -> String {
        let line = self.lines.next_line().await.expect("the pipe is readable");
        line.expect("the process goes on")
    }

    /// Lets its recorders begin.
    async fn begin(&mut self) {
        self.input.write_all(b"begin\n").await.expect("the process reads");
    }

    /// Waits for its end, and returns the versions that its recorders got.
    async fn end(mut self) -> Vec<i32> {
        let line = self.line().await;
        let status = self.child.wait().await.expect("the process ends");
        assert!(status.success(), "{status}");
        serde_json::from_str(&line).expect("a list of versions")
    }
}

/// Reads all checkpoints, oldest first, and asserts that one of them is the best.
async fn stored(t: &Checkpoints) -> Vec<Checkpoint> {
    let page = t.store.list(TRAINING, &PageRequest::first(1000)).await.expect("they are listed");
    let mut all = page.items;
    all.reverse();
    assert_eq!(all.iter().filter(|checkpoint| checkpoint.is_best).count(), 1);
    all
}

/// 32 recorders in two processes get the versions 1, 2, 3 and so on; at all times one is the best.
async fn recorders_in_two_processes_leave_no_gap_and_one_best(t: &Checkpoints) {
    let first = recorded_many(t, 1).await.remove(0);
    t.store.mark_best(first.id).await.expect("it is marked");
    let (mut one, mut two) = tokio::join!(Process::start(&t.place), Process::start(&t.place));
    tokio::join!(one.begin(), two.begin());
    let ended = tokio::spawn(async move { tokio::join!(one.end(), two.end()) });
    while !ended.is_finished() {
        let seen = stored(t).await;
        let expected: Vec<i32> = (1..).take(seen.len()).collect();
        assert_eq!(versions(&seen), expected, "no gap at any time");
    }
    let (mut answered, others) = ended.await.expect("they end");
    answered.extend(others);
    answered.push(first.config_version);
    answered.sort_unstable();
    let expected: Vec<i32> = (1..).take((2 * RECORDERS * EACH + 1) as usize).collect();
    assert_eq!(answered, expected, "each version is given once");
    assert_eq!(versions(&stored(t).await), expected);
    let best = t.store.best_by(TRAINING, &metric("number"), Goal::Max).await;
    let best = best.expect("it is looked up").expect("there is one");
    assert_eq!(best.metrics.get("number"), Some(f64::from(EACH - 1)));
}

#[cfg(feature = "sqlite")]
#[test]
fn sqlite() {
    store_tests::run(async {
        let t = store_tests::fixture::checkpoints::sqlite("recorders").await;
        recorders_in_two_processes_leave_no_gap_and_one_best(&t).await;
        t.finish().await;
    });
}

#[cfg(feature = "postgres")]
#[test]
fn postgres() {
    store_tests::run(async {
        let t = store_tests::fixture::checkpoints::postgres("recorders").await;
        recorders_in_two_processes_leave_no_gap_and_one_best(&t).await;
        t.finish().await;
    });
}
