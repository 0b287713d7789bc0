//! `docs/troubleshooting.md` quotes what the code says.

use store_core::{Error, Failure, MigrationError};

/// The quotations of the guide, each in its parts between `…`.
fn quotations() -> Vec<Vec<String>> {
    let guide = crate::read("docs/troubleshooting.md");
    let rows = guide.lines().filter_map(|line| line.strip_prefix("| `"));
    let quoted = rows.filter_map(|row| row.split('`').next());
    let parts = |text: &str| text.split('…').map(|part| part.trim().to_owned()).collect();
    quoted.map(parts).collect()
}

/// Whether a quotation is of a message.
fn is_of(quotation: &[String], message: &str) -> bool {
    let mut rest = message;
    quotation.iter().all(|part| {
        let found = rest.find(part.as_str());
        rest = found.map_or(rest, |at| &rest[at + part.len()..]);
        found.is_some()
    })
}

/// Errors that an operator has to do something about.
fn errors() -> Vec<Error> {
    let failures = [
        Failure::Busy,
        Failure::Deadlock,
        Failure::Timeout,
        Failure::PoolExhausted { size: 10, in_use: 10, waiting: 3 },
        Failure::Unavailable { outcome_unknown: false },
        Failure::Unavailable { outcome_unknown: true },
        Failure::ReadOnly,
        Failure::DiskFull,
    ];
    let migrations = [
        MigrationError::ChecksumMismatch { name: "a".into() },
        MigrationError::NewerSchema { version: "a".into() },
        MigrationError::Pending { names: vec!["a".into()] },
    ];
    let migration = |reason| Error::Migration { crate_name: "store-history", reason };
    let mut errors: Vec<Error> =
        failures.map(|failure| Error::failed("connect", failure)).into_iter().collect();
    errors.extend(migrations.map(migration));
    errors.extend([
        Error::BackendNotCompiled { backend: "postgres", feature: "postgres" },
        Error::Tampered { entity: "credential", id: "a".into() },
        Error::LeaseLost { entity: "job", id: "a".into() },
        Error::corrupt("jobs", "state", "a", std::io::Error::other("x")),
    ]);
    errors
}

#[test]
fn every_error_that_an_operator_meets_is_quoted() {
    let quotations = quotations();
    for error in errors() {
        let message = error.to_string();
        let quoted = quotations.iter().any(|quotation| is_of(quotation, &message));
        assert!(quoted, "docs/troubleshooting.md does not quote: {message}");
    }
}

#[test]
fn every_quotation_is_in_the_code() {
    let sources =
        ["store-core", "store-vault"].map(|krate| sources(&crate::file(krate).join("src")));
    // What the server says.
    let of_others = ["permission denied for schema"];
    let code = plain(&sources.concat());
    let formatted: Vec<String> = errors().iter().map(ToString::to_string).collect();
    for quotation in quotations() {
        let is_said = formatted.iter().any(|message| is_of(&quotation, message))
            || quotation.iter().all(|part| code.contains(&plain(part)))
            || of_others.contains(&quotation[0].as_str());
        assert!(is_said, "nothing says {quotation:?}");
    }
}

/// A text with single spaces, and texts that go on in the next line of a source joined.
fn plain(text: &str) -> String {
    text.replace("\\\n", " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn sources(folder: &std::path::Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        text +=
            &if path.is_dir() { sources(&path) } else { std::fs::read_to_string(path).unwrap() };
    }
    text
}
