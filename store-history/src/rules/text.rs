use store_core::{Error, Result, check_external, check_short_text};

/// The longest error text, in bytes.
const ERROR_MAX_BYTES: usize = 1024 * 1024;
/// The most tags of an execution.
const TAGS_MAX: usize = 256;

/// Checks the text of an error or a reason.
pub(super) fn checked_error(text: &str) -> Result<()> {
    if text.len() > ERROR_MAX_BYTES {
        let size = text.len();
        return Err(Error::invalid(
            "error",
            format!("has {size} bytes, at most {ERROR_MAX_BYTES} are allowed"),
        ));
    }
    match text.find('\0') {
        Some(at) => Err(Error::invalid("error", format!("holds a NUL character at byte {at}"))),
        None => Ok(()),
    }
}

/// Checks an optional short text.
pub(super) fn checked_short(field: &str, text: Option<&String>) -> Result<()> {
    text.map_or(Ok(()), |text| check_short_text(field, text))
}

/// Checks an optional text that serves as a key.
pub(super) fn checked_key(field: &str, text: Option<&String>) -> Result<()> {
    text.map_or(Ok(()), |text| check_external(field, text))
}

/// Checks tags: each 1 to 255 bytes, at most 256 of them.
pub(super) fn checked_tags(tags: &[String]) -> Result<()> {
    if tags.len() > TAGS_MAX {
        let count = tags.len();
        return Err(Error::invalid("tags", format!("has {count} tags, at most {TAGS_MAX}")));
    }
    tags.iter()
        .enumerate()
        .try_for_each(|(index, tag)| check_external(&format!("tags[{index}]"), tag))
}
