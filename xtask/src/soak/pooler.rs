//! The suite through PgBouncer in session mode.

use super::Plan;
use super::pgbouncer::{PgBouncer, Program};
use crate::Result;
use crate::pg::OwnServer;
use crate::test_matrix::{Counts, Outcomes};

/// The chapter of the guide with the configuration.
const CHAPTER: &str = "Session mode";

/// What a brief run has: a subsystem whose calls share statements, and races for jobs.
const BRIEF: [&str; 4] = [
    "history::postgres::",
    "queue::postgres::concurrent",
    "queue::postgres::of",
    "queue::postgres::the",
];

/// What a pooler that drops options without a word is tried with: the schema is what matters.
const IGNORED: [&str; 2] = ["history::postgres::", "tokens::postgres::"];

/// The same in a brief run.
const IGNORED_BRIEF: [&str; 1] = ["history::postgres::a_"];

/// Binaries beside the conformance suite whose tests go to the shared server.
const TARGETS: [&str; 6] = ["queue", "tokens", "vault", "chatkit", "recorders", "schedulers"];

pub(super) fn run(plan: &Plan) -> Result<String> {
    let program = Program::find_or_install()?;
    let server = OwnServer::start(&plan.workspace, "soak-pg", "")?;
    let refusing = through(plan, &server, &program, &[])?;
    let ignoring = through(plan, &server, &program, &[("ignore_startup_parameters", "options")])?;
    let (refusing, ignoring) = (refusing.passed, ignoring.passed);
    Ok(format!(
        "{refusing} tests behind PgBouncer {} that refuses start-up options, {ignoring} behind \
         one that ignores them",
        program.version
    ))
}

/// Runs tests behind a pooler; one that ignores options gets fewer.
fn through(
    plan: &Plan,
    server: &OwnServer,
    program: &Program,
    more: &[(&str, &str)],
) -> Result<Counts> {
    let pooler = PgBouncer::start(&plan.workspace, program, CHAPTER, server.port(), more)?;
    let mut cmd = plan.tests().args(["-p", "store-migrate", "--test", "conformance"]);
    let filters: &[&str] = match (more.is_empty(), plan.brief) {
        (true, true) => &BRIEF,
        (true, false) => {
            cmd = TARGETS.iter().fold(cmd, |cmd, target| cmd.args(["--test", target]));
            &["postgres"]
        }
        (false, true) => &IGNORED_BRIEF,
        (false, false) => &IGNORED,
    };
    let filters: Vec<String> = filters.iter().map(|filter| (*filter).to_owned()).collect();
    let cmd = server.export_as(&pooler.url(), plan.runner.filtered(cmd, &filters, &[]));
    let mut outcomes = Outcomes::of(plan.runner);
    let ended = cmd.stream(|line| outcomes.line(line))?;
    let counts = outcomes.counts();
    if !ended || counts.failed > 0 {
        return Err(format!("{} of {} tests failed", counts.failed, counts.total()).into());
    }
    if counts.passed == 0 {
        return Err("no test ran behind the pooler".into());
    }
    Ok(counts)
}
