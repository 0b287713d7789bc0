//! The names that are understood under the prefix `ORCHEO`.

use std::path::Path;

use super::{DSN, orcheo, read, refused};
use crate::settings::{Backend, Subsystem};

#[test]
fn the_names_of_orcheo_are_understood_under_its_prefix_only() {
    use Backend::{Memory, Postgres, Sqlite};
    use Subsystem::{Chatkit, Checkpoints, History, Tokens, Vault, Workflow};
    let cases: [(&str, &str, &[Subsystem], Backend); 8] = [
        ("ORCHEO_REPOSITORY_BACKEND", "inmemory", &[Workflow, History, Tokens], Memory),
        ("ORCHEO_REPOSITORY_BACKEND", "postgres", &[Workflow, History, Tokens], Postgres),
        ("ORCHEO_CHECKPOINT_BACKEND", "postgres", &[Checkpoints], Postgres),
        ("ORCHEO_CHATKIT_BACKEND", "postgres", &[Chatkit], Postgres),
        ("ORCHEO_VAULT_BACKEND", "file", &[Vault], Sqlite),
        ("ORCHEO_VAULT_BACKEND", "inmemory", &[Vault], Memory),
        ("ORCHEO_VAULT_BACKEND", "postgres", &[Vault], Postgres),
        ("ORCHEO_BACKEND", "inmemory", &Subsystem::ALL, Memory),
    ];
    for (name, value, subsystems, backend) in cases {
        let default = if name == "ORCHEO_BACKEND" { value } else { "sqlite" };
        let settings =
            orcheo(&[("ORCHEO_BACKEND", default), ("ORCHEO_POSTGRES_DSN", DSN), (name, value)]);
        for subsystem in Subsystem::ALL {
            let expected = if subsystems.contains(&subsystem) { backend } else { Sqlite };
            assert_eq!(settings.backend(subsystem), expected, "{name}={value} {subsystem}");
        }
    }
    let paths: [(&str, &[Subsystem]); 3] = [
        ("ORCHEO_REPOSITORY_SQLITE_PATH", &[Workflow, History, Tokens]),
        ("ORCHEO_CHATKIT_SQLITE_PATH", &[Chatkit]),
        ("ORCHEO_VAULT_LOCAL_PATH", &[Vault]),
    ];
    for (name, subsystems) in paths {
        let settings = orcheo(&[(name, "~/x")]);
        for subsystem in Subsystem::ALL {
            let own = settings.sqlite_path(subsystem) == Path::new("/home/me/x");
            assert_eq!(own, subsystems.contains(&subsystem), "{name} {subsystem}");
        }
    }
    let foreign = read(
        "STORE",
        &[
            ("STORE_REPOSITORY_BACKEND", "x"),
            ("STORE_CHECKPOINT_BACKEND", "x"),
            ("STORE_VAULT_LOCAL_PATH", "/x"),
        ],
    );
    assert_eq!(foreign.unwrap().backend(Workflow), Sqlite);
}

#[test]
fn a_name_of_orcheo_and_our_own_must_agree() {
    let cases = [
        ("ORCHEO_WORKFLOW_BACKEND", "memory", "ORCHEO_REPOSITORY_BACKEND", "sqlite", "inmemory"),
        ("ORCHEO_TOKENS_BACKEND", "sqlite", "ORCHEO_REPOSITORY_BACKEND", "inmemory", "sqlite"),
        ("ORCHEO_CHECKPOINTS_BACKEND", "sqlite", "ORCHEO_CHECKPOINT_BACKEND", "inmemory", "sqlite"),
        ("ORCHEO_HISTORY_SQLITE_PATH", "/a", "ORCHEO_REPOSITORY_SQLITE_PATH", "/b", "/a"),
        ("ORCHEO_VAULT_SQLITE_PATH", "/home/me/a", "ORCHEO_VAULT_LOCAL_PATH", "/b", "~/a"),
    ];
    for (own, value, alias, other, same) in cases {
        let (variable, _) = refused("ORCHEO", &[(own, value), (alias, other)]);
        assert_eq!(variable, format!("{own} and {alias}"));
        orcheo(&[(own, value), (alias, same)]);
    }
    for (name, value) in [
        ("ORCHEO_REPOSITORY_BACKEND", "file"),
        ("ORCHEO_CHECKPOINT_BACKEND", "x"),
        ("ORCHEO_VAULT_BACKEND", "x"),
        ("ORCHEO_REPOSITORY_SQLITE_PATH", ":memory:"),
        ("ORCHEO_VAULT_LOCAL_PATH", "/a/"),
    ] {
        assert_eq!(refused("ORCHEO", &[(name, value)]).0, name);
    }
}
