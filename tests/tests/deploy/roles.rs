//! `deploy/postgres/roles.sh`, against a server.

use std::process::Command;

use store_core::{Databases, Settings, Subsystem};
use store_tests::server::Setup;
use store_tests::{run, samples};

/// The variables of a role of the script.
fn variables(port: u16, role: &str) -> Vec<(String, String)> {
    let port = port.to_string();
    let mut variables = vec![
        ("STORE_BACKEND", "postgres"),
        ("STORE_POSTGRES_SCHEMA", "stores"),
        ("STORE_AUTO_MIGRATE", "off"),
        ("POSTGRES_HOST", "127.0.0.1"),
        ("POSTGRES_PORT", &port),
        ("POSTGRES_DB", "postgres"),
        ("POSTGRES_USER", role),
        ("POSTGRES_PASSWORD", "it's @ 50% $HOME"),
    ];
    variables.push(("STORE_VAULT_BACKEND", "postgres"));
    variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn databases(port: u16, role: &str) -> Databases {
    Databases::new(Settings::from_vars("STORE", variables(port, role)).unwrap())
}

#[test]
fn the_migrator_makes_the_tables_and_the_application_only_uses_them() {
    run(async {
        let server = Setup::default().start();
        let script = Command::new("sh")
            .arg(crate::file("deploy/postgres/roles.sh"))
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", server.port().to_string())
            .env("PGPASSWORD", "postgres")
            .env("POSTGRES_DB", "postgres")
            .env("MIGRATOR_PASSWORD", "it's @ 50% $HOME")
            .env("APP_PASSWORD", "it's @ 50% $HOME")
            .output()
            .unwrap();
        assert!(script.status.success(), "{}", String::from_utf8_lossy(&script.stderr));

        let pending = store_history::open(&databases(server.port(), "app")).await.unwrap_err();
        assert!(pending.to_string().contains("create_history"), "{pending}");
        let migrator = Settings::from_vars("STORE", variables(server.port(), "migrator")).unwrap();
        let reports = store_migrate::schemas_of(migrator.clone(), false).await.unwrap();
        assert_eq!(reports.len(), Subsystem::ALL.len());
        assert!(reports.iter().all(|report| !report.applied.is_empty()), "{reports:?}");
        let again = store_migrate::schemas_of(migrator, false).await.unwrap();
        assert!(again.iter().all(|report| report.applied.is_empty()), "{again:?}");

        let app = databases(server.port(), "app");
        let history = store_history::open(&app).await.unwrap();
        history.start(samples::execution("e")).await.unwrap();
        let workflows = store_workflow::open(&app).await.unwrap();
        let new = samples::full_workflow();
        workflows.create_workflow(&samples::ada(), new).await.unwrap();
        let dsn = app.settings().postgres_dsn().unwrap().expose_secret().to_owned();
        let (client, connection) =
            tokio_postgres::connect(&dsn, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        let refused = client.batch_execute("CREATE TABLE stores.other ()").await.unwrap_err();
        let message = refused.as_db_error().unwrap().message().to_owned();
        assert_eq!(message, "permission denied for schema stores");
    });
}
