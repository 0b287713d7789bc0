//! What each command prints: JSON with the documented fields, exit codes, and never a password.

use std::process::Stdio;

use serde_json::Value;
use store_tests::fixture::postgres;

use super::support::{Ran, Schema, Source, migrate, moved, output, plain};

/// A password that cannot be taken for anything else.
const CANARY: &str = "c4nary-pa55";

fn run(arguments: &[&str]) -> Ran {
    let mut command = plain(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    output(command)
}

#[track_caller]
fn has(value: &Value, fields: &[&str]) {
    for field in fields {
        assert!(value.get(field).is_some_and(|value| !value.is_null()), "no {field} in {value:#}");
    }
}

const PLAN: [&str; 8] =
    ["source", "target", "layout", "manifest", "tables", "problem_count", "problems", "notes"];
const VALIDATION: [&str; 8] = [
    "source",
    "target",
    "tables",
    "source_root",
    "target_root",
    "difference_count",
    "differences",
    "seconds",
];
const TABLE: [&str; 7] = ["name", "postgres", "rows", "bytes", "hash", "quarantined", "columns"];

#[test]
fn every_command_prints_one_report_with_its_fields() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(4).await, Schema::fresh().await);
        let (from, to) = (source.url(), schema.url());
        let plan = migrate("plan", &from, &to, &[]).ended(0).json();
        has(&plan, &PLAN);
        assert_eq!(plan["layout"], "stores");
        has(&plan["tables"][0], &TABLE);
        let ran = migrate("run", &from, &to, &[]).ended(0).json();
        has(
            &ran,
            &[
                "plan",
                "migration",
                "resumed",
                "rows",
                "bytes",
                "quarantined",
                "not_valid",
                "durations",
                "validation",
            ],
        );
        has(&ran["plan"], &PLAN);
        has(&ran["validation"], &VALIDATION);
        assert_eq!((&ran["rows"], &ran["resumed"]), (&Value::from(6), &Value::from(false)));
        assert_eq!(ran["plan"]["manifest"], plan["manifest"]);
        let validation = migrate("validate", &from, &to, &[]).ended(0).json();
        has(&validation, &VALIDATION);
        has(&validation["tables"][0], &TABLE);
        let status = run(&["status", "--json", "--to", &to]).ended(0).json();
        has(&status[0], &["id", "source", "layout", "phase", "tables", "pending"]);
        has(&status[0]["tables"][0], &["name", "rows", "bytes", "quarantined", "complete"]);
        assert_eq!(
            (&status[0]["id"], &status[0]["phase"]),
            (&ran["migration"], &"validated".into())
        );
        let back = migrate("rollback", &to, &source.beside("back.sqlite"), &[]).ended(0).json();
        has(&back["validation"], &VALIDATION);
        schema.sql("DELETE FROM history_steps WHERE step_index = 0").await;
        let ran = migrate("validate", &from, &to, &[]).ended(4).json();
        has(&ran["differences"][0], &["table", "key", "columns", "what"]);
        // It was validated before: run compares again.
        migrate("run", &from, &to, &[]).ended(4);
        let cleaned = run(&["--json", "clean", "--to", &to]).ended(0).json();
        assert_eq!(cleaned, Value::from(vec![status[0]["id"].clone()]));
        schema.drop().await;
    });
}

#[test]
fn failures_are_json_as_well() {
    store_tests::run(async {
        let schema = Schema::fresh().await;
        let ran = migrate("plan", "sqlite:/no/such/file", &schema.url(), &[]).ended(1);
        has(&ran.json(), &["error"]);
        assert!(ran.stderr.contains("/no/such/file"), "{}", ran.stderr);
        schema.drop().await;
    });
}

#[test]
fn wrong_usage_ends_with_two() {
    let url = "postgres://a@127.0.0.1:1/b";
    for arguments in [
        &["plan", "--from", "sqlite:/a"][..],
        &["nothing"],
        &["plan", "--from", "sqlite:/a", "--to", "sqlite:/b"],
        &["plan", "--from", url, "--to", url],
        &["plan", "--from", "mysql://a", "--to", url],
        &["run", "--from", "sqlite:/a", "--to", url, "--append", "--replace"],
        &["run", "--from", "sqlite:/a", "--to", url, "--batch-rows", "0"],
        &["run", "--from", "sqlite:/a", "--to", url, "--loaders", "0"],
    ] {
        run(arguments).ended(2);
    }
    for what in ["plan", "run", "validate", "rollback", "status", "clean"] {
        let help = run(&[what, "--help"]).ended(0).stdout;
        assert!(help.contains("--to <DATABASE>"), "{help}");
    }
}

#[test]
fn text_and_progress_say_what_was_done() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(4).await, Schema::fresh().await);
        let (from, to) = (source.url(), schema.url());
        let ran = run(&["run", "--from", &from, "--to", &to]).ended(0);
        assert!(ran.stdout.contains("equal: every row was compared"), "{}", ran.stdout);
        assert!(ran.stderr.contains("copy"), "{}", ran.stderr);
        let ran = run(&["validate", "--quiet", "--from", &from, "--to", &to]).ended(0);
        assert_eq!(ran.stderr, "");
        schema.drop().await;
    });
}

#[test]
fn passwords_are_nowhere() {
    store_tests::run(async {
        let (source, schema) = (Source::with_steps(4).await, Schema::fresh().await);
        let user = format!("user_of_{}", schema.name);
        schema.sql(&format!("CREATE ROLE {user} LOGIN SUPERUSER PASSWORD '{CANARY}'")).await;
        let (_, host) =
            postgres::url().rsplit_once('@').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        let scheme = "postgres://";
        let to = format!("{scheme}{user}:{CANARY}@{host}?options=-csearch_path%3D{}", schema.name);
        let from = source.url();
        let wrong = to.replace(&user, "nobody_at_all");
        let mut said = String::new();
        for (what, from, to) in [
            ("plan", &from, &to),
            ("run", &from, &to),
            ("validate", &from, &to),
            ("run", &from, &wrong),
            ("run", &from, &to.replace(&host, "127.0.0.1:1/x")),
            ("rollback", &to, &source.beside("back.sqlite")),
        ] {
            for json in [true, false] {
                let mut arguments = vec![what, "--from", from, "--to", to];
                arguments.extend(json.then_some("--json"));
                let ran = run(&arguments);
                said += &format!("{}{}", ran.stdout, ran.stderr);
            }
        }
        said += &run(&["status", "--to", &to]).stdout;
        assert!(said.contains(&user) && !said.contains(CANARY), "{said}");
        let state = schema.connect().await;
        let state = state.query("SELECT s::text FROM _migrate_state s", &[]).await.unwrap();
        assert!(state.iter().all(|row| !row.get::<_, String>(0).contains(CANARY)));
        let back = std::fs::read(source.directory.path().join("back.sqlite")).unwrap();
        assert!(!back.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()));
        moved(&from, &to).await;
        schema.sql(&format!("DROP OWNED BY {user}; DROP ROLE {user}")).await;
        schema.drop().await;
    });
}
