//! What the numbers mean for the targets.

use crate::common::args::Measured as _;
use crate::common::report::{find, p95, ratio, verdict};
use crate::common::rounds::Outcome;
use crate::operation::{DUE, Operation};
use crate::rounds::Counted;

/// What the lines of `dispatch_due_cron` show.
pub(crate) const DISPATCH: &str = "dispatch_due_cron: 1,000 schedules are due, callers are \
    schedulers that begin at once;\nruns per second, and the time until all of them have ended.";

/// How long dispatching may take, in milliseconds.
const DISPATCHED: f64 = 2_000.0;
/// A bound that does not depend on how many schedules are due.
const STATEMENTS: u64 = 20;

/// Prints which targets of the project are met.
pub(crate) fn targets(outcomes: &[Outcome], counts: &[Counted]) {
    println!("\nTargets");
    for operation in [Operation::CreateRun, Operation::StartSucceed] {
        let name = operation.name();
        let what = format!("postgres {name}, 100 callers");
        ratio(&what, find(outcomes, "postgres", name, 100), 2.0);
    }
    let lone = statements(counts, "postgres", Operation::StartSucceed);
    let what = "postgres start+succeed, 1 caller: 2 statements, BEGIN and COMMIT included";
    verdict(lone.map(|count| count == 2), what, shown(lone).as_deref());
    for backend in ["postgres", "sqlite"] {
        dispatched(outcomes, counts, backend);
    }
    for backend in ["postgres", "sqlite"] {
        for operation in Operation::ALL.iter().filter(|one| **one != Operation::Dispatch) {
            p95(outcomes, backend, operation.name());
        }
    }
}

fn dispatched(outcomes: &[Outcome], counts: &[Counted], backend: &str) {
    let name = Operation::Dispatch.name();
    for schedulers in [1, 4] {
        let longest = find(outcomes, backend, name, schedulers).map(|outcome| outcome.store.p99);
        verdict(
            longest.map(|longest| longest < DISPATCHED),
            &format!("{backend} {name}, {schedulers} at once: {DUE} runs within 2 s"),
            longest.map(|longest| format!("{longest:.0} ms")).as_deref(),
        );
    }
    let sent = statements(counts, backend, Operation::Dispatch);
    let what = format!("{backend} {name}: at most {STATEMENTS} statements");
    verdict(sent.map(|count| count <= STATEMENTS), &what, shown(sent).as_deref());
}

fn statements(counts: &[Counted], backend: &str, operation: Operation) -> Option<u64> {
    let counted = counts.iter().find(|one| (one.backend, one.operation) == (backend, operation))?;
    Some(counted.statements)
}

fn shown(count: Option<u64>) -> Option<String> {
    count.map(|count| format!("{count} statements"))
}
