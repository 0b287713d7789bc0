use store_core::{Error, Result};

/// The longest error text of a run or a listener, in bytes.
const ERROR_MAX_BYTES: usize = 1024 * 1024;
/// The most tags a record can carry.
const TAGS_MAX: usize = 1000;

/// Refuses what PostgreSQL cannot store in text.
pub(crate) fn without_nul(field: &str, text: &str) -> Result<()> {
    match text.find('\0') {
        Some(at) => Err(Error::invalid(field, format!("holds NUL at byte {at}"))),
        None => Ok(()),
    }
}

/// Checks a text of any length up to `max` bytes.
pub(crate) fn checked_long(field: &str, text: &str, max: usize) -> Result<()> {
    if text.len() > max {
        return Err(Error::invalid(
            field,
            format!("has {} bytes, at most {max} are allowed", text.len()),
        ));
    }
    without_nul(field, text)
}

/// Checks the error text of a run or a listener.
pub(crate) fn checked_error(field: &str, text: &str) -> Result<()> {
    checked_long(field, text, ERROR_MAX_BYTES)
}

/// Trims a line of text and checks its length in characters.
pub(crate) fn trimmed(field: &str, text: &str, min: usize, max: usize) -> Result<String> {
    let text = text.trim();
    let length = text.chars().count();
    if length < min {
        return Err(Error::invalid(field, "must not be empty"));
    }
    if length > max {
        return Err(Error::invalid(
            field,
            format!("has {length} characters, at most {max} are allowed"),
        ));
    }
    if let Some(c) = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Error::invalid(
            field,
            format!("holds the control character U+{:04X}", u32::from(c)),
        ));
    }
    Ok(text.to_owned())
}

/// Trims an optional text; empty is none.
pub(crate) fn trimmed_or_none(field: &str, text: &str, max: usize) -> Result<Option<String>> {
    Ok(Some(trimmed(field, text, 0, max)?).filter(|text| !text.is_empty()))
}

/// Trims tags and leaves out empty ones and repeats, whatever their case; the first one stays.
pub(crate) fn distinct_tags(field: &str, tags: &[String]) -> Result<Vec<String>> {
    if tags.len() > TAGS_MAX {
        return Err(Error::invalid(
            field,
            format!("are {}, at most {TAGS_MAX} are allowed", tags.len()),
        ));
    }
    let mut seen = std::collections::HashSet::new();
    let mut distinct = Vec::with_capacity(tags.len());
    for tag in tags {
        let tag = tag.trim();
        store_core::check_short_text(field, tag)?;
        if !tag.is_empty() && seen.insert(tag.to_lowercase()) {
            distinct.push(tag.to_owned());
        }
    }
    Ok(distinct)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_distinct_whatever_their_case_and_keep_their_order() {
        let tags = [" b ", "A", "a", "", "B", "ä", "Ä"].map(String::from);
        assert_eq!(distinct_tags("tags", &tags).unwrap(), ["b", "A", "ä"]);
        assert!(distinct_tags("tags", &vec![String::new(); 1001]).is_err());
        assert!(distinct_tags("tags", &["x".repeat(256)]).is_err());
        assert!(distinct_tags("tags", &["a\nb".into()]).is_err());
    }

    #[test]
    fn lengths_are_counted_in_characters_after_trimming() {
        assert_eq!(trimmed("name", "  ä🎉 ", 1, 2).unwrap(), "ä🎉");
        assert!(trimmed("name", " \t\n", 1, 2).is_err());
        assert!(trimmed("name", "abc", 1, 2).is_err());
        assert!(trimmed("name", "a\0", 1, 2).is_err());
        assert_eq!(trimmed_or_none("name", "  ", 2).unwrap(), None);
    }
}
