//! What the numbers mean for the targets.

use crate::common::report::{find, p95, ratio, verdict};
use crate::common::rounds::Outcome;

/// What the lines show.
pub(crate) const NOTES: &str = "authenticate: one of 10,000 tokens; auth cached: the raw side has \
    no cache and asks\nthe database; counting the uses is part of both.";

/// How long an authentication may take with 16 callers, in milliseconds.
const AUTHENTICATED: f64 = 5.0;

/// Prints which targets of the project are met.
pub(crate) fn targets(outcomes: &[Outcome]) {
    println!("\nTargets");
    let found = |callers| find(outcomes, "postgres", "authenticate", callers);
    let sixteen = found(16).map(|outcome| outcome.store.p95);
    verdict(
        sixteen.map(|p95| p95 < AUTHENTICATED),
        "postgres authenticate, 16 callers: p95 under 5 ms",
        sixteen.map(|p95| format!("{p95:.2} ms")).as_deref(),
    );
    ratio("postgres authenticate, 1 caller", found(1), 0.85);
    ratio("postgres authenticate, 100 callers", found(100), 2.0);
    for backend in ["postgres", "sqlite"] {
        for operation in ["authenticate", "auth cached", "mint", "rotate"] {
            p95(outcomes, backend, operation);
        }
    }
}
