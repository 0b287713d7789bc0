//! A load over all stores, and what has to be true after it.
//!
//! Callers in several processes use every store while servers and processes are killed. Each fact
//! that a store acknowledged goes to a [journal](Journal), a file that survives the process. At the
//! end [`verify`] reads everything back: what was acknowledged is there, and nothing is there twice.
//! What runs it is `store-test-load`, by `cargo xtask soak`.

mod caller;
mod chats;
mod checkpoints;
mod graph;
mod history;
mod jobs;
mod journal;
mod locks;
mod runs;
mod share;
mod stats;
mod stores;
mod tokens;
mod vault;
mod verify;
#[cfg(feature = "postgres")]
mod watch;
mod workers;

pub use journal::Journal;
pub use share::{Share, share};
pub use stores::Stores;
pub use verify::verify;
#[cfg(feature = "postgres")]
pub use watch::watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use store_core::{Result, WorkflowId};
use tokio::task::JoinSet;

use self::caller::{Caller, Shared};
use self::stats::Stats;

/// How often a process writes down what it has measured so far.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// What a caller does, over and over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Chats,
    Checkpoints,
    Graph,
    History,
    Jobs,
    Locks,
    Reaper,
    Runs,
    Tokens,
    Vault,
    Workers,
}

/// How the callers are shared out: twenty of them have all roles, a hundred five times as many. One
/// more reaps.
const ROLES: [Role; 20] = {
    use Role::*;
    [
        History,
        Jobs,
        Workers,
        Runs,
        Tokens,
        Chats,
        Checkpoints,
        Graph,
        Vault,
        History,
        Workers,
        Jobs,
        Chats,
        Runs,
        Workers,
        History,
        Tokens,
        Graph,
        Chats,
        Locks,
    ]
};

/// What one process is to do.
#[derive(Debug, Clone)]
pub struct Drive {
    /// The name of the process, unique in the load: it is part of every id.
    pub process: String,
    /// How many callers it has.
    pub callers: usize,
    /// How long they go on.
    pub lasts: Duration,
    /// The workflow whose runs are created by all processes.
    pub workflow: WorkflowId,
}

/// Runs the callers of one process to their end. A caller that meets an error which no restart
/// explains writes it down and stops; the verification fails then.
pub async fn drive(stores: Stores, drive: &Drive, journal: Journal) {
    let shared = Arc::new(Shared::new(stores, drive.workflow));
    let stats = Stats::default();
    let until = Instant::now() + drive.lasts;
    let mut callers = JoinSet::new();
    let roles = ROLES.iter().copied().cycle().take(drive.callers).chain([Role::Reaper]);
    for (number, role) in roles.enumerate() {
        let name = format!("{}-{number}", drive.process);
        let caller =
            Caller::new(name, number, Arc::clone(&shared), journal.clone(), stats.clone(), until);
        callers.spawn(async move {
            if let Err(error) = act(&caller, role).await {
                caller.unexpected(role, &error);
            }
        });
    }
    let mut report = tokio::time::interval(REPORT_EVERY);
    loop {
        tokio::select! {
            ended = callers.join_next() => match ended {
                Some(ended) => ended.expect("a caller does not panic"),
                None => break,
            },
            _ = report.tick() => stats.write(&drive.process, &journal),
        }
    }
    stats.write(&drive.process, &journal);
}

async fn act(caller: &Caller, role: Role) -> Result<()> {
    match role {
        Role::Chats => chats::run(caller).await,
        Role::Checkpoints => checkpoints::run(caller).await,
        Role::Graph => graph::run(caller).await,
        Role::History => history::run(caller).await,
        Role::Jobs => jobs::run(caller).await,
        Role::Locks => locks::run(caller).await,
        Role::Reaper => workers::reap(caller).await,
        Role::Runs => runs::run(caller).await,
        Role::Tokens => tokens::run(caller).await,
        Role::Vault => vault::run(caller).await,
        Role::Workers => workers::run(caller).await,
    }
}
