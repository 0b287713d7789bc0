//! Migrations that are killed or stopped, at every place where it could matter, and run again.

mod gate;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use store_migrate::{Control, Error, Observer};
use tokio::time::sleep;

use self::gate::Gate;
use super::support::{
    Ran, Schema, Source, command, file_url, job, kill, migrate, moved, number, open, plain, spawn,
};

const SMALL: [&str; 2] = ["--batch-rows", "5"];
const BATCHES: &str = "SELECT count(*) FROM _migrate_batches";

/// Returns the hash of the source and asserts that every row is there once.
fn whole(ran: Ran, steps: u64) -> String {
    let report = ran.ended(0).json();
    let tables = report["validation"]["tables"].as_array().unwrap();
    let of_steps = tables.iter().find(|table| table["name"] == "history_steps").unwrap();
    assert_eq!(of_steps["rows"], steps);
    let root = report["validation"]["source_root"].as_str().unwrap().to_owned();
    assert_eq!(report["validation"]["target_root"], root.as_str());
    root
}

async fn root_of(source: &Source) -> String {
    let schema = Schema::fresh().await;
    let root = moved(&source.url(), &schema.url()).await.validation.source_root;
    schema.drop().await;
    root
}

/// Some number of milliseconds, another one each time.
fn random(below: u16) -> Duration {
    let mut bytes = [0; 2];
    getrandom::fill(&mut bytes).unwrap();
    Duration::from_millis(u64::from(u16::from_le_bytes(bytes) % below))
}

#[test]
fn killed_at_every_batch_it_goes_on_behind_the_last() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(32).await, Schema::fresh().await);
        let gate = Gate::at_batches(&source, &schema).await;
        let mut batches = 0;
        loop {
            gate.allow(batches).await;
            let mut child = spawn(command("run", &source.url(), &schema.url(), &SMALL));
            let waits = gate.waits_or_ends(&mut child).await;
            kill(&mut child);
            assert_eq!(schema.number(BATCHES).await, batches);
            gate.let_go().await;
            if !waits {
                break;
            }
            batches += 1;
        }
        // Two rows of executions, 32 steps, and two tables without rows.
        assert_eq!(batches, 1 + 7 + 1 + 1);
        let ran = migrate("run", &source.url(), &schema.url(), &SMALL);
        assert_eq!(whole(ran, 32), root_of(&source).await);
        assert_eq!(schema.number("SELECT count(*) FROM history_steps").await, 32);
        schema.drop().await;
    });
}

#[test]
fn killed_while_indexes_are_built_it_builds_the_rest() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(32).await, Schema::fresh().await);
        let gate = Gate::at_objects(&source, &schema).await;
        let objects = "SELECT count(*) FROM _migrate_objects WHERE done";
        for done in [0, 1, 4, 7] {
            gate.allow(done).await;
            let mut child = spawn(command("run", &source.url(), &schema.url(), &[]));
            assert!(gate.waits_or_ends(&mut child).await, "there are more than {done} objects");
            kill(&mut child);
            gate.let_go().await;
            assert_eq!(schema.number(objects).await, done);
        }
        gate.allow(1000).await;
        let ran = migrate("run", &source.url(), &schema.url(), &[]);
        assert_eq!(whole(ran, 32), root_of(&source).await);
        schema.drop().await;
    });
}

#[test]
fn killed_at_random_it_ends_with_the_same_rows() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(2000).await, Schema::fresh().await);
        for _ in 0..8 {
            let more = ["--batch-rows", "20", "--loaders", "3"];
            let mut child = spawn(command("run", &source.url(), &schema.url(), &more));
            sleep(random(700)).await;
            kill(&mut child);
        }
        let ran = migrate("run", &source.url(), &schema.url(), &["--batch-rows", "100"]);
        assert_eq!(whole(ran, 2000), root_of(&source).await);
        assert_eq!(schema.number("SELECT count(*) FROM history_steps").await, 2000);
        schema.drop().await;
    });
}

#[test]
fn killed_on_the_way_back_it_ends_with_the_same_rows() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(1500).await, Schema::fresh().await);
        let root = moved(&source.url(), &schema.url()).await.validation.source_root;
        let back = source.directory.path().join("back.sqlite");
        for round in 0..10 {
            let more = ["--batch-rows", "10"];
            let mut child = spawn(command("run", &schema.url(), &file_url(&back), &more));
            sleep(random(700)).await;
            if round % 2 == 0 && back.exists() {
                // Between two batches: nobody writes who waits for this.
                let conn = open(&back);
                conn.busy_timeout(Duration::from_secs(5)).unwrap();
                let held = conn.execute_batch("BEGIN IMMEDIATE");
                kill(&mut child);
                held.unwrap();
            }
            kill(&mut child);
        }
        let ran = migrate("rollback", &schema.url(), &file_url(&back), &[]);
        assert_eq!(whole(ran, 1500), root);
        assert_eq!(number(&back, "SELECT count(*) FROM history_steps"), 1500);
        schema.drop().await;
    });
}

/// Stops a migration when it was told of so many batches.
struct Stopper {
    batches: AtomicU32,
    control: std::sync::OnceLock<Control>,
}

impl Observer for Stopper {
    fn phase(&self, _name: &str, _rows: Option<u64>) {}

    fn advance(&self, _table: &str, _rows: u64, _bytes: u64) {
        if self.batches.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.control.get().unwrap().stop();
        }
    }

    fn say(&self, _line: &str) {}
}

#[test]
fn stopped_after_every_batch_of_the_way_back_it_goes_on() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(32).await, Schema::fresh().await);
        let root = moved(&source.url(), &schema.url()).await.validation.source_root;
        let back: PathBuf = source.directory.path().join("back.sqlite");
        let mut job = job(&schema.url(), &file_url(&back));
        job.batch.rows = 5;
        let mut stops = 0;
        let report = loop {
            // The dry run of the first time tells of each table once.
            let batches = AtomicU32::new(if stops == 0 { 5 } else { 1 });
            let stopper = Arc::new(Stopper { batches, control: std::sync::OnceLock::new() });
            let control = Control::new(stopper.clone());
            stopper.control.set(control.clone()).ok().unwrap();
            match store_migrate::run(&job, &control).await {
                Ok(report) => break report,
                Err(Error::Stopped) => stops += 1,
                Err(error) => panic!("{error}"),
            }
            assert!(stops < 40, "it goes on");
        };
        assert!(stops >= 8, "{stops}");
        assert_eq!((report.validation.target_root, report.validation.difference_count), (root, 0));
        assert_eq!(number(&back, "SELECT count(*) FROM history_steps"), 32);
        schema.drop().await;
    });
}

#[test]
fn an_interrupt_ends_after_the_batch() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(60).await, Schema::fresh().await);
        let gate = Gate::at_batches(&source, &schema).await;
        gate.allow(2).await;
        let mut child = command("run", &source.url(), &schema.url(), &SMALL).spawn().unwrap();
        assert!(gate.waits_or_ends(&mut child).await);
        let pid = child.id().to_string();
        assert!(
            std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success()
        );
        sleep(Duration::from_millis(300)).await;
        // First: what was handed over before the signal must not wait for a gate that closes again.
        gate.allow(1000).await;
        gate.let_go().await;
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("run the same command again to go on"), "{stderr}");
        let batches = schema.number(BATCHES).await;
        assert!((3..14).contains(&batches), "{batches}");
        let mut status = plain(&["--json", "status", "--to", &schema.url()]);
        let status: serde_json::Value =
            serde_json::from_slice(&status.output().unwrap().stdout).unwrap();
        assert_eq!(status[0]["phase"], "prepared");
        let ran = migrate("run", &source.url(), &schema.url(), &SMALL);
        assert_eq!(ran.json()["resumed"], true);
        assert_eq!(whole(ran, 60), root_of(&source).await);
        schema.drop().await;
    });
}
