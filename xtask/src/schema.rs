//! `cargo xtask schema`

use std::fs;

use crate::Result;
use crate::pg::{self, Server};
use crate::sh::Cmd;
use crate::workspace::{Member, Workspace};

/// Generates `schema.rs` of both backends from the migrations, or checks it.
///
/// Needs the Diesel CLI 2.3. Each backend's migrations run on a scratch database, which is what the
/// schema is read from. CI does not need the CLI: there, the alignment test in `store-tests`
/// compares `schema.rs` with the migrated database.
#[derive(clap::Subcommand)]
pub(crate) enum Schema {
    /// Write src/sqlite/schema.rs and src/postgres/schema.rs
    Print { krate: String },
    /// Fail if one of them is not what the migrations give
    Check { krate: String },
}

const INSTALL: &str = "cargo install diesel_cli --version \"~2.3\" --no-default-features --features \
     sqlite-bundled,postgres";

impl Schema {
    pub(crate) fn run(self) -> Result<()> {
        let (krate, locked): (_, &[&str]) = match &self {
            Schema::Print { krate } => (krate, &[]),
            Schema::Check { krate } => (krate, &["--locked-schema"]),
        };
        let workspace = Workspace::load()?;
        let member = workspace.stores(Some(krate))?.remove(0);
        check_cli()?;
        sqlite(&workspace, member, locked)?;
        let server = pg::ensure(&workspace)?;
        let outcome = postgres(&server, member, locked);
        server.stop()?;
        outcome
    }
}

/// Another version may write another file.
fn check_cli() -> Result<()> {
    let version = Cmd::new("diesel").arg("--version").quiet().read().map_err(|_missing| {
        format!(
            "the Diesel CLI is not installed. Run\n    {INSTALL}\nor rely on the alignment test \
             in store-tests, which is what CI checks"
        )
    })?;
    if version.lines().any(|line| line.to_lowercase().contains(" 2.3.")) {
        return Ok(());
    }
    Err(format!("expected the Diesel CLI 2.3, found:\n{version}Run\n    {INSTALL}").into())
}

fn sqlite(workspace: &Workspace, member: &Member, locked: &[&str]) -> Result<()> {
    let dir = workspace.target.join("schema");
    fs::create_dir_all(&dir)?;
    let scratch = dir.join(format!("{}.sqlite", member.name));
    if scratch.exists() {
        fs::remove_file(&scratch)?;
    }
    let diesel = migrate(member, "sqlite").arg("--database-url").arg(&scratch);
    diesel.args(locked).run()?;
    Ok(fs::remove_file(scratch)?)
}

fn postgres(server: &Server, member: &Member, locked: &[&str]) -> Result<()> {
    let name = format!("schema_{}_{}", member.name.replace('-', "_"), std::process::id());
    let client = |program: &str| {
        let cmd = server.client(program).arg("--maintenance-db").secret_arg(server.url());
        cmd.arg(&name).run()
    };
    client("createdb")?;
    let url = with_database(server.url(), &name);
    // Through the environment: the URL may hold a password.
    let outcome = migrate(member, "postgres").secret_env("DATABASE_URL", &url).args(locked).run();
    client("dropdb")?;
    outcome
}

fn migrate(member: &Member, backend: &str) -> Cmd {
    Cmd::new("diesel")
        .args(["--config-file", &format!("diesel.{backend}.toml"), "migration", "run"])
        .args(["--migration-dir", &format!("migrations/{backend}")])
        .dir(&member.dir)
}

/// The URL with another database name.
fn with_database(url: &str, name: &str) -> String {
    let (base, query) =
        url.split_once('?').map_or((url, None), |(base, query)| (base, Some(query)));
    let host = base.find("://").map_or(0, |at| at + "://".len());
    let end = base[host..].find('/').map_or(base.len(), |at| host + at);
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}/{name}{query}", &base[..end])
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn only_the_database_of_a_url_changes() {
        let cases = [
            ("postgresql://u:p@h:1/postgres", "postgresql://u:p@h:1/x"),
            ("postgresql://u:p@h:1", "postgresql://u:p@h:1/x"),
            ("postgresql://h/a?options=-cx%3D/y", "postgresql://h/x?options=-cx%3D/y"),
        ];
        for (url, expected) in cases {
            assert_eq!(with_database(url, "x"), expected);
        }
    }
}
