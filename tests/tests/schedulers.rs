//! Schedulers in several processes: each occurrence of a simulated day fires once.
#![cfg(any(feature = "sqlite", feature = "postgres"))]
#![expect(clippy::expect_used, reason = "tests fail by panicking")]

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use store_core::workflow::{CronConfig, Misfire, RunFilter, RunStatus};
use store_core::{PageRequest, Timestamp, WorkflowId};
use store_tests::fixture::{Place, Workflows, noon};
use store_tests::samples::{cron, occurrence, overlapping, schedule_of, scheduled, time};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const PROGRAM: &str = env!("CARGO_BIN_EXE_store-test-scheduler");
const TICK: Duration = Duration::from_secs(300);
const TICKS: u32 = 288;

/// How often each occurrence of each workflow fired.
type Fired = BTreeMap<(WorkflowId, Timestamp), u32>;

/// A process with several schedulers.
struct Process {
    child: Child,
    instants: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(schedulers: u32, place: &Place) -> Self {
        let mut command = Command::new(PROGRAM);
        command.arg(schedulers.to_string());
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
        let instants = child.stdin.take().expect("a pipe");
        let answers = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self { child, instants, answers }
    }

    /// Lets all its schedulers dispatch at an instant, and returns what they started.
    async fn dispatch(&mut self, now: Timestamp) -> Vec<(WorkflowId, Timestamp)> {
        let line = format!("{now}\n");
        self.instants.write_all(line.as_bytes()).await.expect("the process reads");
        let answer = self.answers.next_line().await.expect("the process answers");
        let answer = answer.expect("the process goes on until there are no more instants");
        serde_json::from_str(&answer).expect("a list of occurrences")
    }

    async fn end(mut self) {
        drop(self.instants);
        let status = self.child.wait().await.expect("the process ends");
        assert!(status.success(), "{status}");
    }
}

/// Five minutes, an hour and a day apart: schedules that may overlap, and some that may not.
async fn schedules(t: &Workflows) -> Vec<(WorkflowId, Vec<Timestamp>)> {
    let skip = |config| CronConfig { misfire: Misfire::Skip, ..config };
    let tokyo = CronConfig { timezone: "Asia/Tokyo".into(), ..cron("15 9 * * *") };
    let configs = [
        (overlapping("*/5 * * * *"), every(1, 1)),
        (overlapping("*/5 * * * *"), every(1, 1)),
        (skip(overlapping("*/5 * * * *")), every(1, 1)),
        (cron("*/5 * * * *"), every(1, 1)),
        (overlapping("0 * * * *"), every(12, 12)),
        (skip(overlapping("35 * * * *")), every(7, 12)),
        (cron("35 * * * *"), every(7, 12)),
        (overlapping("0 3 * * *"), every(180, TICKS)),
        (cron("0 12 * * *"), every(TICKS, TICKS)),
        // 09:15 in Tokyo is 00:15 in UTC.
        (tokyo, every(147, TICKS)),
    ];
    let mut schedules = Vec::new();
    for (config, expected) in configs {
        schedules.push((scheduled(t, config).await, expected));
    }
    schedules
}

/// Every `step`-th tick from the `first` on.
fn every(first: u32, step: u32) -> Vec<Timestamp> {
    (first..=TICKS).filter(|number| (number - first).is_multiple_of(step)).map(tick).collect()
}

fn tick(number: u32) -> Timestamp {
    noon().plus(TICK * number).expect("an instant of the next day")
}

/// All runs that are stored, by what they are for; each has come to its end.
async fn stored(t: &Workflows) -> Fired {
    let mut fired = Fired::new();
    let mut page = PageRequest::first(1000);
    loop {
        let answer =
            t.store.list_runs(&RunFilter::default(), &page).await.expect("they are listed");
        for run in answer.items {
            assert_eq!(run.status, RunStatus::Succeeded);
            *fired.entry((run.workflow_id, occurrence(&run))).or_default() += 1;
        }
        let Some(next) = answer.next else { return fired };
        page = PageRequest::first(1000).after(next);
    }
}

/// Three schedulers in one process and two in another dispatch for a day.
async fn five_schedulers_in_two_processes_fire_each_occurrence_once(t: &Workflows) {
    t.clock.set(time("12:00:01"));
    let schedules = schedules(t).await;
    let (mut three, mut two) = (Process::start(3, &t.place), Process::start(2, &t.place));
    let mut answered = Fired::new();
    for number in 1..=TICKS {
        let now = tick(number);
        let (one, other) = tokio::join!(three.dispatch(now), two.dispatch(now));
        for occurrence in one.into_iter().chain(other) {
            *answered.entry(occurrence).or_default() += 1;
        }
    }
    three.end().await;
    two.end().await;
    let expected: Fired = schedules
        .iter()
        .flat_map(|(id, instants)| instants.iter().map(|at| ((*id, *at), 1)))
        .collect();
    assert_eq!(answered, expected, "each is returned to one scheduler");
    assert_eq!(stored(t).await, expected);
    for (id, instants) in &schedules {
        assert_eq!(schedule_of(t, *id).await.last_dispatched_at, instants.last().copied());
    }
    assert_eq!(t.count("SELECT COUNT(*) FROM jobs").await, 0);
}

#[cfg(feature = "sqlite")]
#[test]
fn sqlite() {
    store_tests::run(async {
        let t = store_tests::fixture::sqlite::workflows("schedulers").await;
        five_schedulers_in_two_processes_fire_each_occurrence_once(&t).await;
        t.finish().await;
    });
}

#[cfg(feature = "postgres")]
#[test]
fn postgres() {
    store_tests::run(async {
        let t = store_tests::fixture::postgres::workflows("schedulers").await;
        five_schedulers_in_two_processes_fire_each_occurrence_once(&t).await;
        t.finish().await;
    });
}
