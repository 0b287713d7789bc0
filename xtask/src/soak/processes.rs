//! Two processes with many callers on small pools.

use super::Plan;
use super::load::Load;
use crate::Result;
use crate::pg::OwnServer;
use crate::sh::Talk;

/// What the server allows.
const MAX_CONNECTIONS: u32 = 30;

/// What each process has in its pool, by default.
const POOL: u32 = 10;

/// A connection that listens, and one with which the database is opened.
const BESIDE: u32 = 2;

const CALLERS: u32 = 200;

pub(super) fn run(plan: &Plan) -> Result<String> {
    let settings = format!("max_connections = {MAX_CONNECTIONS}\n");
    let server = OwnServer::start(&plan.workspace, "soak-pg", &settings)?;
    let mut load = Load::new(plan, "processes")?;
    load.on_server(server.url());
    load.prepare()?;
    let (most, each) = (MAX_CONNECTIONS.to_string(), (POOL + BESIDE).to_string());
    let mut watch = load.cmd("watch").args([&most, &each]).talk()?;
    let shares = if plan.brief { 10 } else { 100 };
    let mut processes = Vec::new();
    for name in ["a", "b"] {
        // The watch tells them apart by the name of the application.
        load.on_server(&format!("{}?application_name={name}", server.url()));
        let share = load.cmd("share").args([name, &CALLERS.to_string(), &shares.to_string()]);
        processes.push(share.talk()?);
    }
    processes.iter_mut().try_for_each(|process| process.hear("ready"))?;
    processes.iter_mut().try_for_each(Talk::go)?;
    for process in processes {
        process.end()?;
    }
    watch.go()?;
    watch.end()?;
    Ok(format!("2 processes with {CALLERS} callers each on pools of {POOL}"))
}
