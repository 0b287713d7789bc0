//! What the numbers mean for the targets.

use crate::common::args::Measured as _;
use crate::common::report::{find, p95, ratio, verdict};
use crate::common::rounds::Outcome;
use crate::operation::{Operation, Place};

/// What the lines show.
pub(crate) const NOTES: &str = "load: 20 items, of a thread of 1,000 and of one of 100,000. \
    search common: one item in ten\nhas the word; rare: one in ten thousand. save_item: the raw \
    side knows that the item is\nthere. On SQLite the raw side compares one field where the store \
    looks for containment.";

/// How long a search may take with 16 callers, in milliseconds.
const SEARCHED: f64 = 100.0;

/// How many times as long as the quickest page the slowest may take: what noise comes to.
const SPREAD: f64 = 1.5;

/// Prints which targets of the project are met.
pub(crate) fn targets(outcomes: &[Outcome]) {
    println!("\nTargets");
    let added = |callers| find(outcomes, "postgres", Operation::AddThreadItem.name(), callers);
    ratio("postgres add_thread_item, 1 caller", added(1), 0.85);
    ratio("postgres add_thread_item, 100 callers", added(100), 3.0);
    for backend in ["postgres", "sqlite"] {
        spread(outcomes, backend);
    }
    for backend in ["postgres", "sqlite"] {
        for operation in [Operation::SearchCommon, Operation::SearchRare] {
            searched(outcomes, backend, operation);
        }
    }
    for backend in ["postgres", "sqlite"] {
        let others = Operation::ALL.iter().filter(|operation| !is_search(**operation));
        others.for_each(|operation| p95(outcomes, backend, operation.name()));
    }
}

fn is_search(operation: Operation) -> bool {
    matches!(operation, Operation::SearchCommon | Operation::SearchRare)
}

/// Prints whether a page costs the same wherever it is.
fn spread(outcomes: &[Outcome], backend: &str) {
    let median = |place| {
        let name = Operation::Load(place).name();
        find(outcomes, backend, name, 1).map(|outcome| outcome.store.p50)
    };
    let medians: Option<Vec<f64>> = Place::ALL.into_iter().map(median).collect();
    let spread = medians.map(|all| {
        let (least, most) =
            (all.iter().copied().reduce(f64::min), all.into_iter().reduce(f64::max));
        most.unwrap_or_default() / least.unwrap_or_default()
    });
    verdict(
        spread.map(|spread| spread < SPREAD),
        &format!("{backend} load, 1 caller: the slowest place under {SPREAD} times the quickest"),
        spread.map(|spread| format!("{spread:.2} times")).as_deref(),
    );
}

/// Prints whether a search is quick enough.
fn searched(outcomes: &[Outcome], backend: &str, operation: Operation) {
    let name = operation.name();
    let found = find(outcomes, backend, name, 16).map(|outcome| outcome.store.p95);
    verdict(
        found.map(|p95| p95 < SEARCHED),
        &format!("{backend} {name}, 16 callers: p95 under {SEARCHED} ms"),
        found.map(|p95| format!("{p95:.2} ms")).as_deref(),
    );
}
