//! What the numbers mean.

use crate::common::report::{find, p95, ratio};
use crate::common::rounds::Outcome;
use crate::operation::REWRAPPED;

/// What the lines show.
pub(crate) const NOTES: &str = "list: 20 of the 10,000 credentials, half of them within reach; \
    reveal: with its entry in\nthe audit; rewrap: all of 500 values get another key, in batches of 100.";

/// Prints what the project asks about.
pub(crate) fn figures(outcomes: &[Outcome]) {
    println!("\nFigures");
    for outcome in outcomes.iter().filter(|outcome| outcome.line.operation == "rewrap") {
        #[expect(clippy::cast_precision_loss, reason = "500 is exact")]
        let values = outcome.store.rate * REWRAPPED as f64;
        println!("  {} rewrap: {values:.0} values a second", outcome.line.backend);
    }
    for operation in ["list", "reveal", "create"] {
        let what = format!("postgres {operation}, 1 caller");
        ratio(&what, find(outcomes, "postgres", operation, 1), 0.85);
    }
    for backend in ["postgres", "sqlite"] {
        for operation in ["list", "reveal", "create"] {
            p95(outcomes, backend, operation);
        }
    }
}
