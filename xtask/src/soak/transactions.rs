//! The load through PgBouncer in transaction mode.

use std::time::Duration;

use super::Plan;
use super::load::{Killed, Load};
use super::pgbouncer::{KEEPS_STATEMENTS, PgBouncer, Program};
use crate::Result;
use crate::pg::OwnServer;

/// The chapter of the guide with the configuration.
const CHAPTER: &str = "Transaction mode";

pub(super) fn run(plan: &Plan) -> Result<String> {
    let program = Program::find_or_install()?;
    if program.version < KEEPS_STATEMENTS {
        return Ok(format!(
            "not run: PgBouncer {} loses prepared statements in transaction mode, {KEEPS_STATEMENTS} \
             is needed (set STORE_TEST_PGBOUNCER to one)",
            program.version
        ));
    }
    let server = OwnServer::start(&plan.workspace, "soak-pg", "max_connections = 40\n")?;
    let pooler = PgBouncer::start(&plan.workspace, &program, CHAPTER, server.port(), &[])?;
    let mut load = Load::new(plan, "transactions")?;
    load.on_server(&pooler.url());
    // As the guide says: what needs a session goes directly.
    let direct = server.url().to_owned();
    load.variables.push(("STORE_POSTGRES_LISTEN_DSN", direct.clone()));
    load.variables.push(("STORE_MIGRATOR_DSN", direct));
    load.variables.push(("STORE_POSTGRES_POOL_MAX_SIZE", "20".to_owned()));
    load.prepare()?;
    let lasts = if plan.brief { Duration::from_secs(20) } else { Duration::from_secs(120) };
    load.drive(lasts, |killed| Ok(if killed == 0 { Killed::Process } else { Killed::Nothing }))?;
    load.verify()?;
    Ok(format!("{} s of load behind PgBouncer {}", lasts.as_secs(), program.version))
}
