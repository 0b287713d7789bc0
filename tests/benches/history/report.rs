//! What the numbers mean for the targets.

use crate::common::args::Measured as _;
use crate::common::report::{find, p95, ratio, verdict};
use crate::common::rounds::Outcome;
use crate::operation::Operation;

/// Prints which targets of the project are met.
pub(crate) fn targets(outcomes: &[Outcome]) {
    let append = Operation::AppendStep.name();
    let of = |backend: &str, callers: usize| find(outcomes, backend, append, callers);
    println!("\nTargets");
    ratio("postgres append_step, 1 caller", of("postgres", 1), 0.85);
    let crowd = of("postgres", 100);
    ratio("postgres append_step, 100 callers", crowd, 3.0);
    let spread = crowd.map(|outcome| outcome.store.p99 / outcome.store.p50);
    verdict(
        spread.map(|spread| spread < 5.0),
        "postgres append_step, 100 callers: p99 under 5 times p50",
        spread.map(|spread| format!("{spread:.2} times")).as_deref(),
    );
    let two = outcomes.iter().find(|outcome| outcome.line.processes == 2);
    ratio("postgres append_step, 2 processes of 50 callers, no error", two, 2.0);
    ratio("sqlite append_step, 100 callers", of("sqlite", 100), 5.0);
    ratio("sqlite append_step, 1 caller", of("sqlite", 1), 1.0);
    for backend in ["postgres", "sqlite"] {
        for operation in Operation::ALL {
            p95(outcomes, backend, operation.name());
        }
    }
}
