//! Two processes with the same migration at once.

use super::support::{Ran, Schema, Source, command, file_url, migrate, moved, number, spawn};

fn of_both(from: &str, to: &str) -> [Option<i32>; 2] {
    let small = ["--batch-rows", "50"];
    let mut both = [(), ()].map(|()| spawn(command("run", from, to, &small)));
    [both[0].wait().unwrap().code(), both[1].wait().unwrap().code()]
}

fn equal(ran: &Ran) -> bool {
    let report = ran.json();
    let validation = &report["validation"];
    validation["difference_count"] == 0 && validation["source_root"] == validation["target_root"]
}

#[test]
fn two_at_once_into_postgres_double_no_row() {
    store_tests::run(async {
        let source = Source::with_steps(1500).await;
        for _ in 0..3 {
            let schema = Schema::fresh().await;
            let codes = of_both(&source.url(), &schema.url());
            assert!(codes.iter().all(|code| matches!(code, Some(0 | 1))), "{codes:?}");
            let ran = migrate("run", &source.url(), &schema.url(), &[]).ended(0);
            assert!(equal(&ran), "{}", ran.stdout);
            assert_eq!(schema.number("SELECT count(*) FROM history_steps").await, 1500);
            schema.drop().await;
        }
    });
}

#[test]
fn two_at_once_into_sqlite_double_no_row() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(1500).await, Schema::fresh().await);
        moved(&source.url(), &schema.url()).await;
        for name in ["one.sqlite", "two.sqlite", "three.sqlite"] {
            let back = source.directory.path().join(name);
            let codes = of_both(&schema.url(), &file_url(&back));
            assert!(codes.iter().all(|code| matches!(code, Some(0 | 1))), "{codes:?}");
            let ran = migrate("run", &schema.url(), &file_url(&back), &[]).ended(0);
            assert!(equal(&ran), "{}", ran.stdout);
            assert_eq!(number(&back, "SELECT count(*) FROM history_steps"), 1500);
        }
        schema.drop().await;
    });
}
