use std::time::Duration;

use serde_json::Value;
use store_core::json::Admitted;
use store_core::queue::NewWorker;
use store_core::{Error, Result, check_external};

use crate::rules::Context;

/// The most words a worker or a job can carry.
const WORDS_MAX: usize = 64;
/// A thousand years: longer ago than any worker, and an instant on both backends.
const LONGEST_AGO: Duration = Duration::from_secs(1000 * 31_556_952);

/// A worker, checked.
#[derive(Debug)]
pub(crate) struct ReadyWorker {
    pub(crate) id: String,
    pub(crate) capabilities: Admitted,
    pub(crate) metadata: Admitted,
}

impl ReadyWorker {
    /// Checks what a worker says about itself.
    pub(crate) fn new(context: &Context, new: NewWorker) -> Result<Self> {
        check_external("id", &new.id)?;
        checked_words("capabilities", &new.capabilities)?;
        if !new.metadata.is_object() {
            return Err(Error::invalid("metadata", "must be an object"));
        }
        Ok(Self {
            id: new.id,
            capabilities: context.json.admit("capabilities", Value::from(new.capabilities))?,
            metadata: context.json.admit("metadata", new.metadata)?,
        })
    }
}

/// Checks words such as capabilities: not too many, each 1 to 255 bytes.
pub(crate) fn checked_words(field: &str, words: &[String]) -> Result<()> {
    if words.len() > WORDS_MAX {
        let reason = format!("are {}, at most {WORDS_MAX} are allowed", words.len());
        return Err(Error::invalid(field, reason));
    }
    words.iter().try_for_each(|word| check_external(field, word))
}

/// Tells whether a worker can have been registered by this id.
pub(crate) fn can_be_known(id: &str) -> bool {
    check_external("id", id).is_ok()
}

/// Says that a worker is not registered.
pub(crate) fn unknown(id: &str) -> Error {
    Error::not_found("worker", id)
}

/// Cuts a time to one that can be subtracted from any instant of our days.
pub(crate) fn bounded(ago: Duration) -> Duration {
    ago.min(LONGEST_AGO)
}

#[cfg(test)]
mod tests {
    use store_core::Timestamp;

    use super::*;

    #[test]
    fn words_are_at_most_64_of_1_to_255_bytes() {
        assert!(checked_words("capabilities", &[]).is_ok());
        assert!(checked_words("capabilities", &vec!["ü".repeat(127); 64]).is_ok());
        let bad = [
            vec!["x".to_owned(); 65],
            vec![String::new()],
            vec!["ok".into(), "x".repeat(256)],
            vec!["a\0".into()],
        ];
        for words in bad {
            let error = checked_words("capabilities", &words).unwrap_err();
            assert!(matches!(&error, Error::Invalid { field, .. } if field == "capabilities"));
        }
    }

    #[test]
    fn the_longest_time_can_be_subtracted() {
        let today: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        let long_ago = today.minus(bounded(Duration::MAX)).unwrap();
        assert!(long_ago.to_string().starts_with("1026-"));
        assert_eq!(bounded(Duration::from_secs(5)), Duration::from_secs(5));
    }
}
