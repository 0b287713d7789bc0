//! Where secrets could leak to: what is shown, traced and measured, and what is stored.

use sha2::{Digest as _, Sha256};
use store_tests::fixture::Place;

use crate::story::{PLANTED, Story, assert_absent, fail, planted, refuse, tell};
use crate::support::Installation;
use crate::{recorder, trace};

/// Secrets and keys are in nothing that is returned, shown, traced or measured, whether it succeeds
/// or fails.
async fn secrets_are_neither_shown_nor_traced_nor_measured(t: &Installation<'_>) {
    trace::keep();
    recorder::keep();
    let mut story = Story::default();
    let cast = tell(t, &mut story).await;
    refuse(t, &cast, &mut story).await;
    fail(t, &cast, &mut story).await;
    let shown = &story.shown;
    for word in [PLANTED, "Tampered", "Settings", "Conflict", "Invalid", "LeaseLost", "Backend"] {
        assert!(shown.contains(word), "{word} is shown");
    }
    assert_absent("what is shown", shown.as_bytes());
    let traced = trace::kept();
    for operation in ["create", "reveal", "rotate", "complete_refresh", "rewrap"] {
        assert!(traced.contains(&format!("store.vault.{operation}")), "{operation} is traced");
    }
    assert_absent("the trace", traced.as_bytes());
    let measured = recorder::kept();
    assert!(measured.contains("vault") && measured.contains("reveal"), "something is measured");
    assert_absent("what is measured", measured.as_bytes());
}

/// Secrets and keys are nowhere in the database: not in the file and its log, nor in a dump. Nor
/// are hashes of secrets, by which they could be guessed.
async fn secrets_are_not_stored(t: &Installation<'_>) {
    let mut story = Story::default();
    let cast = tell(t, &mut story).await;
    refuse(t, &cast, &mut story).await;
    let stored = stored(t.place);
    let holds = |part: &[u8]| stored.windows(part.len()).any(|window| window == part);
    assert!(holds(PLANTED.as_bytes()), "whoever looks finds what is there");
    assert_absent("the database", &stored);
    for number in 0..50 {
        let hash = Sha256::digest(planted(number));
        let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!holds(&hash) && !holds(digits.as_bytes()), "the hash of {number} is stored");
    }
}

/// Everything that is stored, as bytes.
fn stored(place: &Place) -> Vec<u8> {
    match place {
        #[cfg(feature = "sqlite")]
        Place::Sqlite(place) => {
            let mut all = Vec::new();
            let mut logs = 0;
            for entry in std::fs::read_dir(place.directory.path()).unwrap() {
                let path = entry.unwrap().path();
                logs += usize::from(path.to_string_lossy().ends_with("test.sqlite-wal"));
                all.extend(std::fs::read(path).unwrap());
            }
            assert_eq!(logs, 1, "the log is among the files");
            all
        }
        #[cfg(feature = "postgres")]
        Place::Postgres(place) => {
            let dump = std::process::Command::new(store_tests::server::program("pg_dump"))
                .arg(format!("--dbname={}", store_tests::fixture::postgres::url()))
                .arg(format!("--schema={}", place.schemas[0]))
                .output()
                .expect("pg_dump runs");
            assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
            dump.stdout
        }
    }
}

on_both! {
    secrets_are_neither_shown_nor_traced_nor_measured,
    secrets_are_not_stored,
}
