//! Keys that a command prints.

use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::tempdir;

use super::{hex, id, refused};
use crate::keys::{KeyCommand, KeyProvider, ProvidedKeys};

async fn run(command: &str) -> store_core::Result<ProvidedKeys> {
    KeyCommand::new(command).keys(&[]).await
}

async fn refusal(command: &str) -> String {
    refused(run(command).await, "VAULT_KEY_COMMAND")
}

/// Waits until a process that wrote its number into a file has gone.
async fn gone(file: &Path) {
    let number = std::fs::read_to_string(file).unwrap();
    let process = Path::new("/proc").join(number.trim());
    for _attempt in 0..500 {
        // A process that nobody has waited for yet is one without a command line.
        match std::fs::read(process.join("cmdline")) {
            Ok(line) if !line.is_empty() => tokio::time::sleep(Duration::from_millis(10)).await,
            _ => return,
        }
    }
    panic!("process {number} still runs");
}

/// Waits until a file has a line in it.
async fn written(file: &Path) {
    for _attempt in 0..500 {
        if std::fs::read_to_string(file).is_ok_and(|text| text.ends_with('\n')) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing was written");
}

#[tokio::test]
async fn what_it_prints_are_keys_one_a_line() {
    let keys = run(&format!("echo {}; echo; echo {}", hex(1), hex(2))).await.unwrap();
    assert_eq!(keys.ring.key_ids(), [id(1), id(2)]);
    let keys = run(&format!("printf %s {} | cat", hex(3))).await.unwrap();
    assert_eq!(keys.ring.key_ids(), [id(3)]);
}

#[tokio::test]
async fn it_has_nothing_to_read_and_may_complain() {
    let keys = run(&format!("cat; echo a complaint >&2; echo {}", hex(1))).await.unwrap();
    assert_eq!(keys.ring.key_ids(), [id(1)]);
}

#[tokio::test]
async fn a_command_that_fails_is_refused_whatever_it_printed() {
    let reason = refusal(&format!("echo {}; exit 3", hex(0xab))).await;
    assert!(reason.contains("exit status: 3") && !reason.contains("abab"), "{reason}");
    let reason = refusal("kill -9 $$").await;
    assert!(reason.contains("signal: 9"), "{reason}");
    let reason = refusal("no-such-program-hunter2 2> /dev/null").await;
    assert!(reason.contains("exit status: 127") && !reason.contains("hunter2"), "{reason}");
}

#[tokio::test]
async fn output_that_is_no_key_is_refused_and_not_shown() {
    for nothing in ["true", "echo", "printf ' \\n\\n'", "exec >&-"] {
        let reason = refusal(nothing).await;
        assert!(reason.contains("prints nothing"), "{nothing}: {reason}");
    }
    for garbage in ["echo hunter2", "printf 'hunter2,hunter2'", "echo '{\"key\": \"hunter2\"}'"] {
        let reason = refusal(garbage).await;
        assert!(reason.contains("no key") && !reason.contains("hunter2"), "{reason}");
    }
    let reason = refusal("printf 'hunter2\\377'").await;
    assert!(reason.contains("not text") && !reason.contains("hunter2"), "{reason}");
    let reason = refusal(&format!("echo {}; echo hunter2", hex(1))).await;
    assert!(reason.contains("key 2 of 2") && !reason.contains("hunter2"), "{reason}");
}

#[tokio::test]
async fn output_has_a_limit() {
    let line = format!("{}\n", hex(1));
    let fits = 64 * 1024 / line.len();
    let repeat = |lines| format!("yes {} | head -n {lines}", hex(1));
    assert_eq!(run(&repeat(fits)).await.unwrap().ring.key_ids(), [id(1)]);
    assert!(refusal(&repeat(fits + 1)).await.contains("more than 65536 bytes"));
    // It need not end for that.
    assert!(refusal("yes hunter2").await.contains("more than 65536 bytes"));
}

#[tokio::test]
async fn a_command_that_hangs_is_killed_with_all_it_started() {
    let directory = tempdir().unwrap();
    let [shell, child] = ["shell", "child"].map(|name| directory.path().join(name));
    let deadline = Duration::from_secs(2);
    let command = format!(
        "echo $$ > {}; sleep 60 & echo $! > {}; echo hunter2; wait",
        shell.display(),
        child.display()
    );
    let started = Instant::now();
    let command = KeyCommand::new(command).with_deadline(deadline);
    let reason = refused(command.keys(&[]).await, "VAULT_KEY_COMMAND");
    assert!(started.elapsed() >= deadline && started.elapsed() < Duration::from_secs(20));
    assert!(reason.contains("within 2s and was killed"), "{reason}");
    assert!(!reason.contains("hunter2"), "{reason}");
    gone(&shell).await;
    gone(&child).await;
}

#[tokio::test]
async fn one_that_closes_its_output_and_hangs_is_killed() {
    let command = format!("echo {}; exec >&-; sleep 60", hex(1));
    let command = KeyCommand::new(command).with_deadline(Duration::from_millis(200));
    assert!(refused(command.keys(&[]).await, "VAULT_KEY_COMMAND").contains("was killed"));
}

#[tokio::test]
async fn a_caller_that_goes_away_kills_it() {
    let directory = tempdir().unwrap();
    let file = directory.path().join("child");
    let command = format!("sleep 60 & echo $! > {}; wait", file.display());
    let asked = tokio::spawn(async move { run(&command).await });
    written(&file).await;
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    gone(&file).await;
}
