use std::collections::BTreeSet;

use serde_json::Value;
use store_core::{Error, Result, check_external};
use unicase::UniCase;

/// The most entries of a set.
const SET_MAX: usize = 1000;
/// The longest message, description or reason, in bytes.
const LONG_MAX: usize = 4096;

/// Trims a name and checks it.
pub(crate) fn checked_name(field: &str, name: &str) -> Result<String> {
    let name = name.trim();
    check_external(field, name)?;
    Ok(name.to_owned())
}

/// Returns a name without regard to case, by Unicode's full case folding: what is compared, on both
/// backends alike.
pub(crate) fn name_key(name: &str) -> String {
    UniCase::unicode(name).to_folded_case()
}

/// Trims the entries of a set, leaves out empty ones, and checks the others.
pub(crate) fn checked_set(field: &str, items: &BTreeSet<String>) -> Result<BTreeSet<String>> {
    let items: BTreeSet<String> =
        items.iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect();
    checked_entries(field, &items)?;
    Ok(items)
}

/// Checks the entries of a set as they are.
pub(crate) fn checked_entries(field: &str, items: &BTreeSet<String>) -> Result<()> {
    if items.len() > SET_MAX {
        let reason = format!("has {} entries, at most {SET_MAX} are allowed", items.len());
        return Err(Error::invalid(field, reason));
    }
    items.iter().try_for_each(|item| check_external(field, item))
}

/// Checks a text that people read: at most 4096 bytes without NUL.
pub(crate) fn checked_long(field: &str, text: &str) -> Result<()> {
    if text.len() > LONG_MAX {
        let reason = format!("has {} bytes, at most {LONG_MAX} are allowed", text.len());
        return Err(Error::invalid(field, reason));
    }
    match text.find('\0') {
        Some(at) => Err(Error::invalid(field, format!("holds NUL at byte {at}"))),
        None => Ok(()),
    }
}

/// Writes a set as a JSON array.
pub(crate) fn array(items: &BTreeSet<String>) -> String {
    Value::from_iter(items.iter().map(String::as_str)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_equal_whatever_their_case() {
        for (a, b) in [("Straße", "STRASSE"), ("STRAẞE", "strasse"), ("ΟΔΟΣ", "οδος"), ("ǆ", "Ǆ")]
        {
            assert_eq!(name_key(a), name_key(b), "{a} {b}");
        }
        assert_ne!(name_key("a"), name_key("ä"));
        assert_ne!(name_key("ı"), name_key("i"));
        assert_eq!(name_key(&name_key("ΌΔΟΣ")), name_key("ΌΔΟΣ"));
    }
}
