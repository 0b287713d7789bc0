//! The demo's data moved to the other database, compared, and back.

use std::path::Path;

use store_core::{Backend, Settings, Subsystem};
use store_core::{Clock as _, SystemClock};
use store_migrate::model::Layout;
use store_migrate::{Control, Job, Location, RunReport};

use crate::Result;
use crate::report::{self, Report, count};

/// Moves everything there and back, if there is a PostgreSQL to move to or from.
pub(crate) async fn tell(report: &mut Report, settings: &Settings) -> Result<()> {
    report.section("Move all of it to the other database, compare every row, and move it back");
    let Some(dsn) = settings.postgres_dsn() else {
        report::note(
            "No PostgreSQL is set: STORE_POSTGRES_DSN, or `--backend postgres`, which has",
        );
        report::note(
            "one started. By hand: store-migrate run --from sqlite:FILE --to postgres://…",
        );
        return Ok(());
    };
    let dir = tempfile::tempdir()?;
    let dsn = dsn.expose_secret();
    let schema = schema();
    let client = connect(dsn).await?;
    client.batch_execute(&format!("CREATE SCHEMA {schema}")).await?;
    let moved = match settings.backend(Subsystem::Workflow) {
        Backend::Postgres => from_postgres(dsn, &schema, dir.path()).await,
        _ => from_sqlite(settings.sqlite_path(Subsystem::Workflow), dsn, &schema, dir.path()).await,
    };
    client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await?;
    moved
}

async fn from_postgres(dsn: &str, schema: &str, dir: &Path) -> Result<()> {
    let file = format!("sqlite:{}", dir.join("moved.sqlite").display());
    let there = step("PostgreSQL to a SQLite file", dsn, &file).await?;
    let back =
        step("that file to another schema of PostgreSQL", &file, &within(dsn, schema)).await?;
    equal(&there, &back)
}

async fn from_sqlite(path: &Path, dsn: &str, schema: &str, dir: &Path) -> Result<()> {
    let (file, target) = (format!("sqlite:{}", path.display()), within(dsn, schema));
    let there = step("the SQLite file to a schema of PostgreSQL", &file, &target).await?;
    let back = format!("sqlite:{}", dir.join("back.sqlite").display());
    let back = step("that schema to a new SQLite file", &target, &back).await?;
    equal(&there, &back)
}

async fn step(what: &str, from: &str, to: &str) -> Result<RunReport> {
    let (from, to): (Location, Location) = (from.parse()?, to.parse()?);
    let job = Job::new(from, to, Layout::Stores)?;
    let (moved, took) = report::timed(store_migrate::run(&job, &Control::default())).await;
    let moved = moved?;
    if moved.validation.difference_count > 0 {
        return Err(format!("{what}: {:?}", moved.validation.differences).into());
    }
    report::done(format!("{what}: {} rows, each compared", count(moved.rows)), took);
    Ok(moved)
}

fn equal(there: &RunReport, back: &RunReport) -> Result<()> {
    let root = &there.validation.source_root;
    if *root != back.validation.target_root {
        return Err("what came back is not what was moved".into());
    }
    report::note(format!("The hash of everything, there and back: {}…", &root[..16]));
    Ok(())
}

fn within(dsn: &str, schema: &str) -> String {
    let mark = if dsn.contains('?') { '&' } else { '?' };
    format!("{dsn}{mark}options=-csearch_path%3D{schema}")
}

fn schema() -> String {
    format!("demo_moved_{}", SystemClock.now().as_micros())
}

async fn connect(dsn: &str) -> Result<tokio_postgres::Client> {
    let (client, connection) = tokio_postgres::connect(dsn, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
