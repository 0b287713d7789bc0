//! The SQL of `docs/postgres-setup.md`, run as it stands there.

use std::process::{Command, Output};

use serde_json::json;
use store_core::settings::SettingsBuilder;
use store_core::{Backend, Databases, Subsystem};
use store_tests::server::{Server, Setup, program};
use store_tests::{run, samples};

use crate::support::{client, settings};

const GUIDE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/postgres-setup.md"));

/// Returns the SQL of the guide, in its order.
fn sql() -> String {
    let blocks = GUIDE.split("```sql\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap()).collect()
}

/// Returns the value that the guide gives a variable, with the host of this server.
fn variable(name: &str, server: &Server) -> String {
    let line = GUIDE.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    let host = format!("127.0.0.1:{}", server.port());
    line.unwrap_or_else(|| panic!("the guide sets {name}")).replace("db.example.com", &host)
}

/// Runs SQL as an administrator does; the first failure ends it.
fn psql(server: &Server, sql: &str) -> Output {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), sql).unwrap();
    let mut command = Command::new(program("psql"));
    command.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file"]);
    command.arg(file.path()).arg(server.url()).output().expect("psql runs")
}

fn both(server: &Server) -> SettingsBuilder {
    settings(&variable("STORE_POSTGRES_DSN", server))
        .subsystem_backend(Subsystem::Vault, Backend::Postgres)
        .migrator_dsn(&variable("STORE_MIGRATOR_DSN", server))
        .postgres_schema(variable("STORE_POSTGRES_SCHEMA", server))
}

#[test]
fn the_roles_of_the_guide_are_enough_and_the_application_can_only_read_and_write() {
    run(async {
        let server = Setup::default().start();
        let output = psql(&server, &sql());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");

        let databases = Databases::new(both(&server).build().unwrap());
        let keys = store_tests::fixture::workflow_keys();
        store_workflow::open(&databases).await.unwrap();
        store_checkpoints::open(&databases).await.unwrap();
        store_chatkit::open(&databases).await.unwrap();
        store_tokens::open(&databases).await.unwrap();
        store_vault::open_with(&databases, &keys).await.unwrap();
        let store = store_history::open(&databases).await.unwrap();
        let id = samples::id("e");
        store.start(samples::execution("e")).await.unwrap();
        store.append_step(&id, samples::step(json!(1))).await.unwrap();
        store.delete(&id).await.unwrap();

        // Without the migrator it works on what is migrated, and can make, change and empty nothing.
        let alone = settings(&variable("STORE_POSTGRES_DSN", &server))
            .postgres_schema(variable("STORE_POSTGRES_SCHEMA", &server))
            .auto_migrate(false);
        store_history::open(&Databases::new(alone.build().unwrap())).await.unwrap();
        let application = client(&variable("STORE_POSTGRES_DSN", &server)).await;
        for statement in [
            "CREATE TABLE stores.mine ()",
            "CREATE TABLE public.mine ()",
            "CREATE TEMPORARY TABLE mine ()",
            "CREATE SCHEMA mine",
            "ALTER TABLE stores.history_steps ADD COLUMN mine text",
            "TRUNCATE stores.history_steps",
            "DROP TABLE stores.history_steps",
        ] {
            let error = application.batch_execute(statement).await.unwrap_err();
            let code = error.code().map(tokio_postgres::error::SqlState::code);
            assert_eq!(code, Some("42501"), "{statement}: {error:?}");
        }
    });
}
