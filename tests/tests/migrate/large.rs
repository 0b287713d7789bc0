//! Large values in bounded memory, and many small rows.

use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

use super::homes::Home;
use super::support::{Schema, Source, command, file_url, moved, open};

const MIB: u64 = 1 << 20;

/// Runs a process to its end, and returns its exit code and the most memory it had, in bytes.
fn watched(mut child: Child) -> (Option<i32>, u64) {
    let path = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        let status = fs::read_to_string(&path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        if let Some(kilobytes) = line.and_then(|line| line.split_whitespace().next()) {
            peak = peak.max(kilobytes.parse::<u64>().unwrap() * 1024);
        }
        if let Some(status) = child.try_wait().unwrap() {
            return (status.code(), peak);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn run(from: &str, to: &str) -> (Option<i32>, u64) {
    let mut command = command("run", from, to, &[]);
    watched(command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap())
}

/// Bytes that cannot be compressed, or only such.
fn bytes(count: usize, compress: bool) -> Vec<u8> {
    let mut bytes = vec![7; count];
    if !compress {
        getrandom::fill(&mut bytes).unwrap();
    }
    bytes
}

/// Stores a large value as graph state has it.
fn keep(source: &Source, number: u8, bytes: &[u8]) {
    let conn = open(&source.path());
    // Each byte is written once.
    conn.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF").unwrap();
    conn.execute(
        "INSERT OR IGNORE INTO graph_threads VALUES ('t', '2026-03-02T12:00:00.000000+00:00')",
        [],
    )
    .unwrap();
    conn.execute(
        "INSERT INTO graph_blobs (thread_id, address, type_tag, size, sealed, bytes) \
         VALUES ('t', ?1, 'text', ?2, 0, ?3)",
        rusqlite::params![vec![number; 32], i64::try_from(bytes.len()).unwrap(), bytes],
    )
    .unwrap();
    conn.execute_batch("PRAGMA journal_mode = WAL").unwrap();
}

#[test]
fn a_value_of_64_megabytes_moves_both_ways() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(1).await, Schema::fresh().await);
        drop(Home::File(source.path()).graphs().await);
        let value = bytes(64_000_000, false);
        keep(&source, 1, &value);
        moved(&source.url(), &schema.url()).await;
        let back = source.directory.path().join("back.sqlite");
        moved(&schema.url(), &file_url(&back)).await;
        let sql = "SELECT bytes FROM graph_blobs";
        let on_postgres: Vec<u8> = schema.connect().await.query_one(sql, &[]).await.unwrap().get(0);
        assert!(on_postgres == value);
        let on_sqlite: Vec<u8> = open(&back).query_row(sql, [], |row| row.get(0)).unwrap();
        assert!(on_sqlite == value);
        schema.drop().await;
    });
}

#[test]
fn blobs_of_200_megabytes_move_in_bounded_memory() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(1).await, Schema::fresh().await);
        drop(Home::File(source.path()).graphs().await);
        for number in 0..4 {
            keep(&source, number, &bytes(200_000_000, number == 0));
        }
        let back = source.directory.path().join("back.sqlite");
        let there = run(&source.url(), &schema.url());
        fs::remove_file(source.path()).unwrap();
        let again = run(&schema.url(), &file_url(&back));
        for (code, peak) in [there, again] {
            assert_eq!(code, Some(0));
            assert!(peak > MIB && peak < 256 * MIB, "{} MiB", peak / MIB);
        }
        schema.drop().await;
    });
}

#[test]
fn fifty_thousand_steps_move_both_ways() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(50_000).await, Schema::fresh().await);
        let there = moved(&source.url(), &schema.url()).await;
        let again = moved(&schema.url(), &source.beside("back.sqlite")).await;
        assert_eq!(there.rows, 50_002);
        assert_eq!(there.validation.source_root, again.validation.target_root);
        schema.drop().await;
    });
}
