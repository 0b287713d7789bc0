//! The counts of a test matrix.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::outcomes::{Behaviour, Outcome};
use super::runner::Runner;
use crate::workspace::Backend;

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
}

impl Counts {
    fn add(&mut self, passed: bool) {
        *(if passed { &mut self.passed } else { &mut self.failed }) += 1;
    }

    pub(crate) fn total(self) -> usize {
        self.passed + self.failed
    }
}

/// A run of the suite: what was compiled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Suite {
    Both,
    Alone(Backend),
}

impl Suite {
    pub(super) fn backends(self) -> Vec<Backend> {
        match self {
            Suite::Both => Backend::ALL.to_vec(),
            Suite::Alone(backend) => vec![backend],
        }
    }
}

#[derive(Default)]
pub(super) struct Tally {
    pub(super) tests: Counts,
    /// By subsystem, suite and the name of the backend.
    pub(super) behaviours: BTreeMap<(String, Suite, String), Counts>,
    /// Crate, feature set, and the time the build took if it succeeded.
    pub(super) builds: Vec<(String, &'static str, Option<Duration>)>,
    /// Steps that failed, and backends that ran nothing.
    pub(super) failures: Vec<String>,
    /// How many of them no failed test accounts for.
    pub(super) unexplained: usize,
}

impl Tally {
    pub(super) fn fail(&mut self, what: String, explained: bool) {
        self.failures.push(what);
        self.unexplained += usize::from(!explained);
    }

    /// The closing line. A step that fails without a failed test (it did not compile) counts as
    /// one, so that the line never says 0 about a run that failed.
    pub(super) fn closing_line(&self) -> String {
        let failed = self.tests.failed + self.unexplained;
        format!("{} passed, {failed} failed", self.tests.passed)
    }

    /// Behaviours of a backend in a suite, over all subsystems.
    pub(super) fn behaviours_of(&self, suite: Suite, backend: Backend) -> usize {
        let of = |(_, s, b): &(String, Suite, String)| *s == suite && b == backend.name();
        self.behaviours.iter().filter(|(key, _)| of(key)).map(|(_, counts)| counts.total()).sum()
    }

    /// Counts the tests of one step.
    pub(super) fn add(&mut self, suite: Option<Suite>, outcomes: Outcomes) {
        for outcome in outcomes.into_iter() {
            self.tests.add(outcome.passed);
            if let (Some(suite), Some(Behaviour { subsystem, backend })) =
                (suite, outcome.behaviour)
            {
                let key = (subsystem, suite, backend);
                self.behaviours.entry(key).or_default().add(outcome.passed);
            }
        }
    }
}

/// The outcomes in the output of one step.
pub(crate) struct Outcomes {
    runner: Runner,
    list: Vec<Outcome>,
    places: HashMap<String, usize>,
}

impl Outcomes {
    pub(crate) fn of(runner: Runner) -> Outcomes {
        Outcomes { runner, list: Vec::new(), places: HashMap::new() }
    }

    pub(crate) fn line(&mut self, line: &str) {
        let Some(outcome) = self.runner.parse(line) else { return };
        // nextest repeats failed tests at the end. `cargo test` repeats none, but does not say
        // which binary a test is in: there the same name twice is two tests.
        if self.runner == Runner::Nextest {
            if let Some(place) = self.places.get(&outcome.id) {
                self.list[*place].passed &= outcome.passed;
                return;
            }
            self.places.insert(outcome.id.clone(), self.list.len());
        }
        self.list.push(outcome);
    }

    /// How many passed and failed.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for outcome in &self.list {
            counts.add(outcome.passed);
        }
        counts
    }

    pub(super) fn any_failed(&self) -> bool {
        self.list.iter().any(|outcome| !outcome.passed)
    }

    fn into_iter(self) -> impl Iterator<Item = Outcome> {
        self.list.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_that_nextest_repeats_is_counted_once() {
        let mut outcomes = Outcomes::of(Runner::Nextest);
        for line in [
            "PASS [   0.010s] (1/2) store-tests::conformance history::sqlite::a",
            "FAIL [   0.010s] (2/2) store-tests::conformance history::postgres::a",
            "Summary [   0.010s] 2 tests run: 1 passed, 1 failed, 0 skipped",
            "FAIL [   0.010s] (2/2) store-tests::conformance history::postgres::a",
        ] {
            outcomes.line(line);
        }
        let mut tally = Tally::default();
        assert!(outcomes.any_failed());
        tally.add(Some(Suite::Both), outcomes);
        assert_eq!(tally.tests, Counts { passed: 1, failed: 1 });
        assert_eq!(tally.behaviours_of(Suite::Both, Backend::Sqlite), 1);
        assert_eq!(tally.behaviours_of(Suite::Alone(Backend::Sqlite), Backend::Sqlite), 0);
        assert_eq!(tally.closing_line(), "1 passed, 1 failed");
    }

    #[test]
    fn a_step_that_fails_without_a_test_shows_in_the_closing_line() {
        let mut tally = Tally::default();
        tally.fail("build".to_owned(), false);
        assert_eq!(tally.closing_line(), "0 passed, 1 failed");
    }
}
