use std::error::Error as StdError;
use std::fmt;

use store_core::Timestamp;
use store_core::queue::Retry;

/// The longest text of a failure that stores take.
const TEXT_MAX: usize = 1024 * 1024;

/// How an attempt ends that did not do its job.
///
/// Every error becomes one by `?`: the job is then tried again by the policy of the queue. It is
/// no error itself, so that it can be made of any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobError(pub(super) Ending);

/// What the worker asks the store for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    Fail { error: String, retry: Retry },
    Snooze(Timestamp),
    WaitForEvent(String),
}

impl JobError {
    /// The attempt failed; the job is tried again by policy while attempts are left.
    #[must_use]
    pub fn new(error: impl fmt::Display) -> Self {
        Self::failed(&error, Retry::ByPolicy)
    }

    /// The attempt failed, and so would any other: the job is dead.
    #[must_use]
    pub fn permanent(error: impl fmt::Display) -> Self {
        Self::failed(&error, Retry::Never)
    }

    /// The attempt failed; the job is tried again at an instant while attempts are left.
    #[must_use]
    pub fn retry_at(error: impl fmt::Display, at: Timestamp) -> Self {
        Self::failed(&error, Retry::At(at))
    }

    /// The job is put off; the attempt does not count.
    #[must_use]
    pub const fn snooze(until: Timestamp) -> Self {
        Self(Ending::Snooze(until))
    }

    /// The job waits for an event, and begins anew with the payload of the event in
    /// [`Job::event`](store_core::queue::Job::event); the attempt does not count.
    #[must_use]
    pub fn wait_for_event(token: impl Into<String>) -> Self {
        Self(Ending::WaitForEvent(token.into()))
    }

    fn failed(error: &dyn fmt::Display, retry: Retry) -> Self {
        Self(Ending::Fail { error: storable(error.to_string()), retry })
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Ending::Fail { error, .. } => f.write_str(error),
            Ending::Snooze(until) => write!(f, "put off until {until}"),
            Ending::WaitForEvent(token) => write!(f, "waits for the event `{token}`"),
        }
    }
}

impl<E: StdError> From<E> for JobError {
    fn from(error: E) -> Self {
        Self::new(with_causes(&error))
    }
}

/// Writes an error with its causes, those left out that it tells itself.
fn with_causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}

/// Makes a text one that both backends store: without NUL and not too long.
pub(super) fn storable(mut text: String) -> String {
    if text.contains('\0') {
        text = text.replace('\0', "\u{fffd}");
    }
    let mut end = text.len().min(TEXT_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Outer(std::num::ParseIntError);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the answer is no number")
        }
    }

    impl StdError for Outer {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&self.0)
        }
    }

    fn outer() -> Outer {
        Outer("x".parse::<u32>().unwrap_err())
    }

    #[test]
    fn an_error_is_told_with_its_cause() {
        let error = JobError::from(outer());
        assert_eq!(error.to_string(), "the answer is no number: invalid digit found in string");
        assert!(matches!(error.0, Ending::Fail { retry: Retry::ByPolicy, .. }));
    }

    #[test]
    fn a_cause_that_the_error_tells_is_not_repeated() {
        let error = std::io::Error::other(outer());
        assert_eq!(with_causes(&error).matches("no number").count(), 1);
    }

    #[test]
    fn a_text_becomes_one_that_can_be_stored() {
        assert_eq!(storable("a\0b".into()), "a\u{fffd}b");
        let long = "ß".repeat(TEXT_MAX);
        let cut = storable(format!("x{long}"));
        assert!(cut.len() == TEXT_MAX - 1 && cut.ends_with('ß'), "{}", cut.len());
        assert_eq!(storable("as it is".into()), "as it is");
    }
}
