use std::ops::RangeInclusive;

use store_core::{Error, Result, check_external, check_short_text};

/// Checks the name of a counter that is to count.
pub(crate) fn checked_counter(name: &str) -> Result<()> {
    check_external("name", name)
}

/// Tells whether there can be a counter of this name.
pub(crate) fn can_be_counted(name: &str) -> bool {
    checked_counter(name).is_ok()
}

/// Checks what names begin with, and returns what is above all of them, if anything is.
pub(crate) fn checked_prefix(prefix: &str) -> Result<Option<String>> {
    check_short_text("prefix", prefix)?;
    Ok(successor(prefix))
}

/// Returns the values that `by` can be added to without leaving 64 bits.
pub(crate) fn addable_to(by: i64) -> RangeInclusive<i64> {
    i64::MIN.saturating_sub(by)..=i64::MAX.saturating_sub(by)
}

/// Says that a sum would leave 64 bits.
pub(crate) fn overflow() -> Error {
    Error::invalid("by", "would take the counter out of 64 bits")
}

/// Returns the smallest text above all texts that begin with `prefix`; none when there is none.
///
/// UTF-8 sorts by bytes as its characters do by number, so that the next character is enough.
fn successor(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_successor_is_above_every_text_with_the_prefix() {
        assert_eq!(successor("jobs."), Some("jobs/".into()));
        assert_eq!(successor("%"), Some("&".into()));
        assert_eq!(successor("_"), Some("`".into()));
        assert_eq!(successor("z\u{7f}"), Some("z\u{80}".into()));
        // Surrogates are no characters.
        assert_eq!(successor("a\u{d7ff}"), Some("a\u{e000}".into()));
        assert_eq!(successor("a\u{10ffff}\u{10ffff}"), Some("b".into()));
        assert_eq!(successor("\u{10ffff}"), None);
        assert_eq!(successor(""), None);
    }

    #[test]
    fn what_can_be_added_to_ends_where_64_bits_do() {
        for by in [0, 1, -1, 7, i64::MAX, i64::MIN, i64::MIN + 1] {
            let range = addable_to(by);
            for value in [*range.start(), *range.end()] {
                assert!(value.checked_add(by).is_some(), "{value} + {by}");
            }
            let below = range.start().checked_sub(1);
            let above = range.end().checked_add(1);
            for value in below.into_iter().chain(above) {
                assert!(value.checked_add(by).is_none(), "{value} + {by}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_range_of_a_prefix_holds_what_begins_with_it(prefix: String, text: String) {
            let above = successor(&prefix);
            let within = |text: &str| {
                text >= prefix.as_str() && above.as_deref().is_none_or(|above| text < above)
            };
            prop_assert_eq!(within(&text), text.starts_with(&prefix));
            let longer = format!("{}{}", prefix, text);
            prop_assert!(within(&longer));
        }
    }
}
