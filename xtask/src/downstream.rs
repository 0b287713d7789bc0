//! `cargo xtask downstream`

use std::fs;
use std::path::PathBuf;

use crate::Result;
use crate::pg::{self, Server};
use crate::sh::Cmd;
use crate::workspace::{Backend, Workspace};

/// Where the application is.
const EXAMPLE: &str = "examples/agent-platform";

/// A key for a check that keeps nothing.
const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Builds and runs the application in `examples/agent-platform`, which is outside of the workspace.
///
/// It sees of the crates what a user sees: features, public items, versions. It is built once, with
/// both backends, and runs on each: four processes that share nothing but the database. With
/// `--alone` it is also checked with each backend alone.
///
/// Its `Cargo.lock` is made from that of the workspace, so that both have the same versions, and
/// what was compiled for one is used by the other where it is the same.
#[derive(clap::Args)]
pub(crate) struct Downstream {
    /// Only on this backend
    #[arg(long, value_enum)]
    backend: Option<Backend>,
    /// Check it with each backend alone as well
    #[arg(long)]
    alone: bool,
}

impl Downstream {
    pub(crate) fn run(self) -> Result<()> {
        let workspace = Workspace::load()?;
        let example = Example { dir: workspace.root.join(EXAMPLE), workspace };
        fs::copy(example.workspace.root.join("Cargo.lock"), example.dir.join("Cargo.lock"))?;
        if self.alone {
            for backend in Backend::ALL {
                example.cargo("check", backend.name()).run()?;
            }
        }
        example.cargo("build", "sqlite,postgres").run()?;
        let wanted = |backend| self.backend.is_none_or(|only| only == backend);
        if wanted(Backend::Sqlite) {
            example.on_sqlite()?;
        }
        if wanted(Backend::Postgres) {
            let server = pg::ensure(&example.workspace)?;
            let outcome = example.on_postgres(&server);
            server.stop()?;
            outcome?;
        }
        println!("downstream: the application runs");
        Ok(())
    }
}

struct Example {
    dir: PathBuf,
    workspace: Workspace,
}

impl Example {
    /// Cargo as it is for the workspace: the same directory, and the profiles of its manifest. A
    /// dependency that has the same features in both is compiled once.
    fn cargo(&self, command: &str, features: &str) -> Cmd {
        Cmd::cargo([command, "--no-default-features", "--features", features, "--manifest-path"])
            .arg(self.dir.join("Cargo.toml"))
            .arg("--config")
            .arg(self.workspace.root.join("Cargo.toml"))
            .env("CARGO_TARGET_DIR", &self.workspace.target)
    }

    fn on_sqlite(&self) -> Result<()> {
        let dir = self.workspace.target.join("downstream");
        if dir.exists() {
            fs::remove_dir_all(&dir)?;
        }
        // The store makes it, and the file.
        let path = dir.join("stores.sqlite");
        self.story("sqlite", |cmd| cmd.env("STORE_SQLITE_PATH", &path))
    }

    fn on_postgres(&self, server: &Server) -> Result<()> {
        let schema = format!("downstream_{}", std::process::id());
        let outcome = self.story("postgres", |cmd| {
            cmd.env("STORE_POSTGRES_SCHEMA", &schema).secret_env("STORE_POSTGRES_DSN", server.url())
        });
        let drop = format!("DROP SCHEMA IF EXISTS {schema} CASCADE");
        let psql = server.client("psql").secret_arg(server.url());
        // Without a line for each table.
        let psql = psql.env("PGOPTIONS", "-c client_min_messages=warning");
        psql.args(["--quiet", "--command", &drop]).run()?;
        outcome
    }

    /// What its README says: set up, ask, work, show.
    fn story(&self, backend: &str, place: impl Fn(Cmd) -> Cmd) -> Result<()> {
        let run = |words: &[&str]| {
            let program = Cmd::new(self.workspace.target.join("debug/agent-platform"));
            // The token is a secret everywhere else.
            let program = words.iter().fold(program, |program, word| match *word {
                word if word.starts_with("agent_") => program.secret_arg(word),
                word => program.arg(word),
            });
            let program = program.env("STORE_BACKEND", backend).env("STORE_VAULT_BACKEND", backend);
            place(program.secret_env("STORE_VAULT_KEY", KEY)).read()
        };
        run(&["setup"])?;
        // Again: nothing that is there is in its way.
        let token = run(&["setup"])?;
        let conversation = run(&["ask", token.trim(), "Why did the export fail?"])?;
        run(&["work"])?;
        let shown = run(&["show", conversation.trim()])?;
        print!("{shown}");
        expect(backend, &shown)?;
        match run(&["ask", "agent_not_a_token", "Who am I?"]) {
            Ok(_) => Err(format!("{backend}: a token that was never minted is accepted").into()),
            Err(_refused) => Ok(()),
        }
    }
}

fn expect(backend: &str, shown: &str) -> Result<()> {
    let wanted = [
        "user_message: Why did the export fail?",
        "assistant_message: You asked 5 words",
        ": succeeded\n",
        "succeeded, 2 steps",
        "graph state: 1 channels",
        "audit of the key: intact",
    ];
    match wanted.iter().find(|line| !shown.contains(**line)) {
        None => Ok(()),
        Some(line) => Err(format!("{backend}: `{}` was not shown", line.trim()).into()),
    }
}
