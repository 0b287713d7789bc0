//! What the numbers mean for the targets.

use crate::common::args::Measured as _;
use crate::common::report::{find, p95, ratio};
use crate::common::rounds::Outcome;
use crate::operation::Operation;

/// Prints which targets of the project are met.
pub(crate) fn targets(outcomes: &[Outcome]) {
    println!("\nTargets");
    for (operation, backend, callers, least) in [
        (Operation::BestBy, "postgres", 1, 0.8),
        (Operation::BestBy, "sqlite", 100, 1.0),
        (Operation::GraphPut, "postgres", 1, 0.7),
        (Operation::GraphPut, "sqlite", 1, 0.7),
        (Operation::Record, "postgres", 1, 0.85),
        (Operation::Record, "sqlite", 1, 0.9),
        (Operation::Record, "sqlite", 100, 3.0),
    ] {
        let outcome = find(outcomes, backend, operation.name(), callers);
        ratio(&format!("{backend} {}, callers: {callers}", operation.name()), outcome, least);
    }
    for backend in ["postgres", "sqlite"] {
        for operation in Operation::ALL {
            p95(outcomes, backend, operation.name());
        }
    }
}
