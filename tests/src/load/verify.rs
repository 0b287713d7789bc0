//! What has to be true after the load.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use futures_util::{TryStreamExt as _, stream};
use serde_json::Value;
use store_core::{Result, WorkflowId};

use super::stats::Operation;
use super::{
    Journal, Stores, chats, checkpoints, graph, history, jobs, locks, runs, tokens, vault, workers,
};

/// Facts that are looked into at the same time.
const AT_ONCE: usize = 16;

/// Problems that are told; there may be many of one cause.
const TOLD: usize = 20;

/// The facts of all processes, and what is wrong with them.
#[derive(Debug)]
pub(super) struct Findings {
    pub(super) stores: Stores,
    facts: HashMap<String, Vec<Value>>,
    checks: Mutex<(u64, Vec<String>)>,
}

impl Findings {
    /// The facts of a kind.
    pub(super) fn all(&self, kind: &str) -> &[Value] {
        self.facts.get(kind).map_or(&[], Vec::as_slice)
    }

    /// The facts of a kind, by what they are about.
    pub(super) fn by_first(&self, kind: &str) -> HashMap<String, Vec<Value>> {
        let mut by_first: HashMap<String, Vec<Value>> = HashMap::new();
        for fact in self.all(kind) {
            let first = fact[1].as_str().expect("a name").to_owned();
            by_first.entry(first).or_default().push(fact.clone());
        }
        by_first
    }

    /// Looks into every fact of a kind, several at once.
    pub(super) async fn each(
        &self,
        kind: &str,
        look: impl AsyncFn(&Value) -> Result<()>,
    ) -> Result<()> {
        stream::iter(self.all(kind).iter().map(Ok))
            .try_for_each_concurrent(AT_ONCE, |fact| look(fact))
            .await
    }

    /// Counts a check, and keeps the problem if there is one.
    pub(super) fn check(&self, holds: bool, problem: impl FnOnce() -> String) {
        let mut checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
        checks.0 += 1;
        if !holds {
            checks.1.push(problem());
        }
    }
}

/// Carries out the jobs that are left, and checks everything that was acknowledged.
///
/// Returns a report, and whether all of it holds.
///
/// # Errors
/// Those of the stores: what was acknowledged and is not found is one of them.
pub async fn verify(
    stores: Stores,
    workflow: WorkflowId,
    journals: &[PathBuf],
) -> Result<(String, bool)> {
    let mut facts: HashMap<String, Vec<Value>> = HashMap::new();
    for fact in journals.iter().flat_map(|path| Journal::read(path)) {
        let kind = fact[0].as_str().expect("a kind").to_owned();
        facts.entry(kind).or_default().push(fact);
    }
    let found = Findings { stores, facts, checks: Mutex::default() };
    workers::drain(&found).await?;
    history::verify(&found).await?;
    jobs::verify(&found).await?;
    runs::verify(&found, workflow).await?;
    locks::verify(&found).await?;
    tokens::verify(&found).await?;
    checkpoints::verify(&found).await?;
    graph::verify(&found).await?;
    chats::verify(&found).await?;
    vault::verify(&found).await?;
    for fact in found.all("unexpected") {
        found.check(false, || fact[1].as_str().unwrap_or_default().to_owned());
    }
    Ok(report(&found))
}

fn report(found: &Findings) -> (String, bool) {
    let mut text = table(found.all("stats"));
    let facts: usize = found.facts.values().map(Vec::len).sum::<usize>() - found.all("stats").len();
    let checks = found.checks.lock().unwrap_or_else(PoisonError::into_inner);
    let (count, problems) = &*checks;
    for problem in problems.iter().take(TOLD) {
        // Writing to a String cannot fail.
        let _infallible = writeln!(text, "WRONG: {problem}");
    }
    let wrong = problems.len();
    let _infallible =
        writeln!(text, "{facts} facts were acknowledged; of {count} checks {wrong} do not hold");
    (text, problems.is_empty() && facts > 0)
}

/// Operations with their counts, durations and failures, over all processes.
fn table(stats: &[Value]) -> String {
    // Of one process the last measurement of an operation counts.
    let mut last: HashMap<(&str, &str), &Value> = HashMap::new();
    for fact in stats {
        let name = |place: usize| fact[place].as_str().expect("a name");
        last.insert((name(1), name(2)), &fact[3]);
    }
    let mut all: BTreeMap<&str, Operation> = BTreeMap::new();
    for ((_process, operation), measured) in last {
        all.entry(operation).or_default().add(measured);
    }
    let mut text = format!(
        "{:<20} {:>8} {:>8} {:>8} {:>8}  failures, and outcomes that a look made known\n",
        "operation", "calls", "p50 ms", "p95 ms", "p99 ms"
    );
    for (name, known) in all {
        let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|part| known.percentile(part));
        let mut failures: Vec<String> =
            known.errors.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        if known.resolved > 0 {
            failures.push(format!("resolved {}", known.resolved));
        }
        let failures = failures.join(", ");
        let count = known.count();
        let line = format!("{name:<20} {count:>8} {p50:>8.1} {p95:>8.1} {p99:>8.1}  {failures}");
        text += line.trim_end();
        text.push('\n');
    }
    text
}
