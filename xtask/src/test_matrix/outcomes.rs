//! What the lines of a test runner say.

use super::runner::Runner;

/// One test that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The name, unique in the run if the runner says which binary it is in.
    pub(super) id: String,
    pub(super) behaviour: Option<Behaviour>,
    pub(super) passed: bool,
}

/// A fact of the conformance suite, checked on one backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Behaviour {
    pub(super) subsystem: String,
    pub(super) backend: String,
}

impl Behaviour {
    /// `history::sqlite::second_append_of_a_step_conflicts`
    fn parse(test: &str) -> Option<Behaviour> {
        let mut path = test.split("::");
        let (subsystem, backend) = (path.next()?, path.next()?);
        path.next()?;
        let known = matches!(backend, "sqlite" | "postgres");
        known.then(|| Behaviour { subsystem: subsystem.to_owned(), backend: backend.to_owned() })
    }
}

impl Runner {
    /// The outcome in a line, if there is one.
    ///
    /// Each runner reads its own lines only: nextest shows what a failed test printed, and that
    /// contains the other one's line.
    pub(super) fn parse(self, line: &str) -> Option<Outcome> {
        let line = plain(line);
        match self {
            Runner::Nextest => nextest(line.trim()),
            Runner::CargoTest => cargo_test(line.trim()),
        }
    }
}

/// `PASS [   0.010s] ( 12/130) store-tests::conformance history::sqlite::some_behaviour`
fn nextest(line: &str) -> Option<Outcome> {
    let (status, rest) = line.split_once('[')?;
    let (time, rest) = rest.split_once(']')?;
    let passed = match status.trim() {
        "PASS" | "LEAK" => true,
        // Not the end of the test.
        status if status.starts_with("SLOW") || status.starts_with("TERMINATING") => return None,
        status if is_failure(status) => false,
        _ => return None,
    };
    if !time.trim().ends_with('s') {
        return None;
    }
    // Older versions do not count.
    let rest = rest.trim();
    let rest = match rest.strip_prefix('(') {
        Some(counted) => counted.split_once(')')?.1.trim(),
        None => rest,
    };
    let (binary, test) = rest.split_once(' ')?;
    let test = test.trim();
    let behaviour = binary.ends_with("::conformance").then(|| Behaviour::parse(test)).flatten();
    Some(Outcome { id: format!("{binary} {test}"), behaviour, passed })
}

/// `FAIL`, `FAIL + LEAK`, `LEAK-FAIL`, `TIMEOUT`, `ABORT`, `SIGSEGV`; a test that passed at a second
/// attempt is flaky, which is a failure too.
fn is_failure(status: &str) -> bool {
    ["FAIL", "LEAK-FAIL", "TIMEOUT", "ABORT", "SIG", "FLAKY"].iter().any(|s| status.starts_with(s))
}

/// `test history::sqlite::some_behaviour ... ok`
fn cargo_test(line: &str) -> Option<Outcome> {
    let (test, result) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    let passed = match result.split([' ', ',', '<']).next()? {
        "ok" => true,
        "FAILED" => false,
        _ => return None,
    };
    Some(Outcome { id: test.to_owned(), behaviour: Behaviour::parse(test), passed })
}

/// The line without colours.
fn plain(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or("", |(_, text)| text));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(id: &str, behaviour: Option<(&str, &str)>, passed: bool) -> Option<Outcome> {
        let behaviour = behaviour.map(|(subsystem, backend)| Behaviour {
            subsystem: subsystem.to_owned(),
            backend: backend.to_owned(),
        });
        Some(Outcome { id: id.to_owned(), behaviour, passed })
    }

    #[test]
    fn lines_of_nextest_are_understood() {
        let id = "store-tests::conformance history::sqlite::a_fact";
        let behaviour = Some(("history", "sqlite"));
        for (line, passed) in [
            (format!("        PASS [   0.010s] ( 12/130) {id}"), true),
            (format!("        PASS [   0.010s] {id}"), true),
            (format!("\u{1b}[32;1m        PASS\u{1b}[0m [   0.010s] (1/1) {id}"), true),
            (format!("        FAIL [   1.010s] ( 13/130) {id}"), false),
            (format!("     SIGABRT [   1.010s] ( 13/130) {id}"), false),
            (format!("     TIMEOUT [  60.010s] ( 13/130) {id}"), false),
            (format!("   FLAKY 2/3 [   0.010s] ( 13/130) {id}"), false),
        ] {
            assert_eq!(Runner::Nextest.parse(&line), outcome(id, behaviour, passed), "{line}");
        }
        let unit = "        PASS [   0.003s] (1/9) store-core ids::sqlite::x";
        assert_eq!(Runner::Nextest.parse(unit), outcome("store-core ids::sqlite::x", None, true));
    }

    #[test]
    fn other_lines_of_nextest_are_not_outcomes() {
        for line in [
            "        SLOW [> 60.000s] (-------) store-tests::conformance history::sqlite::x",
            "     Summary [   0.300s] 130 tests run: 130 passed, 0 skipped",
            "    Starting 130 tests across 2 binaries",
            "    test history::sqlite::a_fact ... FAILED",
        ] {
            assert_eq!(Runner::Nextest.parse(line), None, "{line}");
        }
    }

    #[test]
    fn lines_of_cargo_test_are_understood() {
        let parse = |line: &str| Runner::CargoTest.parse(line);
        let name = "history::postgres::a_fact";
        let behaviour = Some(("history", "postgres"));
        assert_eq!(parse("test history::postgres::a_fact ... ok"), outcome(name, behaviour, true));
        assert_eq!(parse(&format!("test {name} ... FAILED")), outcome(name, behaviour, false));
        assert_eq!(parse("test ids::x ... ok <0.1s>"), outcome("ids::x", None, true));
        let doc = "store-core/src/lib.rs - Page (line 12) - compile";
        assert_eq!(parse(&format!("test {doc} ... ok")), outcome(doc, None, true));
        assert_eq!(parse("test ids::x ... ignored, why"), None);
        assert_eq!(parse("test result: ok. 3 passed; 0 failed"), None);
    }
}
