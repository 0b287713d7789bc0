//! The object in a payload, taken apart field by field.

use std::str::FromStr;

use serde_json::{Map, Value};
use store_core::Timestamp;

use super::fault::{Checked, broken, fault};
use super::{instant, json};

/// The fields of an object that were not taken yet. A field that is null counts as absent.
#[derive(Debug)]
pub(super) struct Fields {
    path: String,
    rest: Map<String, Value>,
}

impl Fields {
    /// Takes an object that stands at a path.
    pub(super) fn new(path: impl Into<String>, value: Value) -> Checked<Self> {
        let path = path.into();
        match value {
            Value::Object(rest) => Ok(Self { path, rest }),
            _ => Err(fault(path, "is no JSON object")),
        }
    }

    /// Returns where a field stands.
    pub(super) fn at(&self, field: &str) -> String {
        format!("{}.{field}", self.path)
    }

    /// Returns the names of what was not taken and is not null.
    pub(super) fn remaining(&self) -> impl Iterator<Item = &str> {
        let there = self.rest.iter().filter(|(_, value)| !value.is_null());
        there.map(|(name, _)| name.as_str())
    }

    /// Tells whether a field is there and null.
    pub(super) fn is_null(&self, field: &str) -> bool {
        self.rest.get(field).is_some_and(Value::is_null)
    }

    /// Takes a field.
    pub(super) fn take(&mut self, field: &str) -> Option<Value> {
        self.rest.remove(field).filter(|value| !value.is_null())
    }

    /// Takes a text.
    pub(super) fn maybe_text(&mut self, field: &str) -> Checked<Option<String>> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(fault(self.at(field), "is no text")),
        }
    }

    /// Takes a text that has to be there.
    pub(super) fn text(&mut self, field: &str) -> Checked<String> {
        self.maybe_text(field)?.ok_or_else(|| fault(self.at(field), "is missing"))
    }

    /// Takes a truth; absent is false.
    pub(super) fn flag(&mut self, field: &str) -> Checked<bool> {
        match self.take(field) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(fault(self.at(field), "is neither true nor false")),
        }
    }

    /// Takes an instant.
    pub(super) fn maybe_instant(&mut self, field: &str) -> Checked<Option<Timestamp>> {
        let Some(text) = self.maybe_text(field)? else { return Ok(None) };
        instant::parse(&text).map(Some).map_err(|reason| fault(self.at(field), reason))
    }

    /// Takes an instant that has to be there.
    pub(super) fn instant(&mut self, field: &str) -> Checked<Timestamp> {
        self.maybe_instant(field)?.ok_or_else(|| fault(self.at(field), "is missing"))
    }

    /// Takes an object; absent is an empty one.
    pub(super) fn object(&mut self, field: &str) -> Checked<Value> {
        match self.take(field) {
            None => Ok(json::empty()),
            Some(value @ Value::Object(_)) => Ok(value),
            Some(_) => Err(fault(self.at(field), "is no JSON object")),
        }
    }

    /// Takes an object, to be taken apart itself; absent is an empty one.
    pub(super) fn fields(&mut self, field: &str) -> Checked<Self> {
        Self::new(self.at(field), self.object(field)?)
    }

    /// Takes a list; absent is an empty one.
    pub(super) fn list(&mut self, field: &str) -> Checked<Vec<Value>> {
        match self.take(field) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(fault(self.at(field), "is no JSON array")),
        }
    }

    /// Takes a list of texts; absent is an empty one.
    pub(super) fn texts<C: FromIterator<String>>(&mut self, field: &str) -> Checked<C> {
        let items = self.list(field)?.into_iter();
        let text = |item| match item {
            Value::String(text) => Ok(text),
            _ => Err(fault(self.at(field), "holds something else than texts")),
        };
        items.map(text).collect()
    }

    /// Takes a text and reads it, by the rule of what it becomes.
    pub(super) fn maybe_parsed<T>(&mut self, field: &str) -> Checked<Option<T>>
    where
        T: FromStr<Err = store_core::Error>,
    {
        let Some(text) = self.maybe_text(field)? else { return Ok(None) };
        text.parse().map(Some).map_err(broken(&self.at(field)))
    }

    /// Takes a text that has to be there and reads it, by the rule of what it becomes.
    pub(super) fn parsed<T>(&mut self, field: &str) -> Checked<T>
    where
        T: FromStr<Err = store_core::Error>,
    {
        self.maybe_parsed(field)?.ok_or_else(|| fault(self.at(field), "is missing"))
    }

    /// Takes what a type of its own says how to read.
    pub(super) fn maybe_read<T: serde::de::DeserializeOwned>(
        &mut self,
        field: &str,
    ) -> Checked<Option<T>> {
        let Some(value) = self.take(field) else { return Ok(None) };
        // What `serde_json` says may show a value; its category does not.
        serde_json::from_value(value)
            .map(Some)
            .map_err(|_shows_values| fault(self.at(field), "is of another kind, or out of range"))
    }

    /// Takes a field and checks that it says what the row says, if it says anything.
    pub(super) fn same(&mut self, field: &str, expected: &str) -> Checked<()> {
        match self.maybe_text(field)? {
            Some(text) if text != expected => {
                Err(fault(self.at(field), "is not what the column says"))
            }
            _ => Ok(()),
        }
    }
}
