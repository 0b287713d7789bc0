use store_core::{Error, Result};
use uuid::Uuid;

/// The longest handle, in characters.
pub(super) const HANDLE_MAX: usize = 64;

/// Trims and lower-cases a handle and checks that it is one: `^[a-z0-9]+(?:-[a-z0-9]+)*$`.
pub(crate) fn checked_handle(handle: &str) -> Result<String> {
    // ASCII only: `to_lowercase` would turn look-alikes such as the Kelvin sign into letters.
    let handle = handle.trim().to_ascii_lowercase();
    let invalid = |reason: String| Err(Error::invalid("handle", reason));
    if handle.len() > HANDLE_MAX {
        return invalid(format!("is longer than {HANDLE_MAX} characters"));
    }
    let of_letters = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    if !handle.split('-').all(of_letters) {
        return invalid("must be letters a to z and digits, with single hyphens between".into());
    }
    // It would be taken for an id where both are understood.
    if Uuid::try_parse(&handle).is_ok() {
        return invalid("must not read as a UUID".into());
    }
    Ok(handle)
}

/// Makes the slug of a workflow out of a text: `[^a-z0-9]+` becomes `-`, at the ends nothing; what
/// has no such letters stays in lower case, and what is empty gets a UUID.
pub(crate) fn slug(text: &str) -> String {
    let lower = text.trim().to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit()))
        .filter(|word| !word.is_empty())
        .collect();
    if !words.is_empty() {
        return words.join("-");
    }
    if lower.is_empty() { Uuid::now_v7().to_string() } else { lower }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_trimmed_lowered_and_checked() {
        assert_eq!(checked_handle("  My-Bot-2 ").unwrap(), "my-bot-2");
        assert_eq!(checked_handle(&"x".repeat(64)).unwrap().len(), 64);
        let uuid = "018f4e1c-7a3b-7def-8abc-0123456789ab";
        let look_alikes = ["\u{212a}ey", "bоt", "ｂot", "bot\u{200b}", "straße", "i\u{307}"];
        let bad = ["", "-a", "a-", "a--b", "a b", "a_b", "a.b", uuid, &uuid.replace('-', "")];
        for handle in bad.into_iter().chain(look_alikes).chain([&*"x".repeat(65)]) {
            assert!(checked_handle(handle).is_err(), "{handle}");
        }
    }

    #[test]
    fn slugs_are_made_of_letters_else_of_the_text_else_of_a_uuid() {
        assert_eq!(slug("  Hello, World! 2 "), "hello-world-2");
        assert_eq!(slug("Ärger im Café"), "rger-im-caf");
        assert_eq!(slug("日本語"), "日本語");
        assert_eq!(slug("ÄÖ"), "äö");
        assert_eq!(slug("  ").len(), 36);
    }
}
