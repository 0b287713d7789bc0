//! Records with a JSON form of which the stores know only some fields.
//!
//! What a typed field says stands in the record; what it does not say, or says in another way
//! (`null` for nothing, an instant with `Z`), is kept beside it. So the form comes back as it was
//! given, unless the typed field was changed meanwhile.

use serde_json::{Map, Value};

use crate::{Error, Result, Timestamp};

/// The JSON form of a record while its fields are taken out.
pub(super) struct Form {
    what: &'static str,
    rest: Map<String, Value>,
}

impl Form {
    pub(super) fn new(what: &'static str, value: Value) -> Result<Self> {
        match value {
            Value::Object(rest) => Ok(Self { what, rest }),
            _ => Err(Error::invalid(what, "must be an object")),
        }
    }

    /// Takes a text that must be there.
    pub(super) fn required(&mut self, field: &str) -> Result<String> {
        match self.rest.remove(field) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(self.invalid(field, "must be a text")),
        }
    }

    /// Reads a field, and takes it out if `write` would say the same. An absent field reads as
    /// `null`.
    pub(super) fn field<T>(
        &mut self,
        field: &str,
        read: impl Fn(&Value) -> Option<T>,
        write: impl Fn(&T) -> Option<Value>,
        expected: &str,
    ) -> Result<T> {
        let given = self.rest.get(field);
        let value = read(given.unwrap_or(&Value::Null))
            .ok_or_else(|| self.invalid(field, &format!("must be {expected}")))?;
        if given.is_some() && write(&value).as_ref() == given {
            self.rest.remove(field);
        }
        Ok(value)
    }

    fn invalid(&self, field: &str, reason: &str) -> Error {
        Error::invalid(format!("{}.{field}", self.what), reason)
    }

    /// Returns what no typed field says.
    pub(super) fn into_rest(self) -> Value {
        Value::Object(self.rest)
    }
}

/// Puts a typed field into the form, unless what stands there says the same.
pub(super) fn put<T: PartialEq>(
    form: &mut Map<String, Value>,
    field: &str,
    value: &T,
    read: impl Fn(&Value) -> Option<T>,
    write: impl Fn(&T) -> Option<Value>,
) {
    if form.get(field).and_then(read).as_ref() == Some(value) {
        return;
    }
    match write(value) {
        Some(written) => drop(form.insert(field.to_owned(), written)),
        None => drop(form.remove(field)),
    }
}

/// Reads a text, or nothing.
pub(super) fn read_text(value: &Value) -> Option<Option<String>> {
    match value {
        Value::Null => Some(None),
        Value::String(text) => Some(Some(text.clone())),
        _ => None,
    }
}

pub(super) fn write_text(text: &Option<String>) -> Option<Value> {
    text.clone().map(Value::String)
}

/// Reads an instant, or nothing. Without an offset it is in UTC, as `datetime.isoformat()` writes
/// instants that have no zone.
pub(super) fn read_instant(value: &Value) -> Option<Option<Timestamp>> {
    match value {
        Value::Null => Some(None),
        Value::String(text) => {
            text.parse().or_else(|_no_offset| format!("{text}Z").parse()).ok().map(Some)
        }
        _ => None,
    }
}

pub(super) fn write_instant(instant: &Option<Timestamp>) -> Option<Value> {
    instant.map(|instant| Value::String(instant.to_string()))
}
