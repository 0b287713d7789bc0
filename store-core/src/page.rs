//! Keyset paging: pages, cursors, and what a cursor is bound to.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Error, Result};

/// One listing as a query needs it: its scope, its size, and where the last page ended.
#[derive(Debug, Clone)]
pub struct Listing<K> {
    scope: CursorScope,
    /// The most items of the page.
    pub limit: i64,
    /// The key of the last item before the page.
    pub after: Option<K>,
}

impl<K: Serialize + DeserializeOwned> Listing<K> {
    /// Checks a request against the listing it is for.
    ///
    /// # Errors
    /// `Invalid` for a limit outside 1 to 1000 and a cursor of another listing.
    pub fn new(
        operation: &'static str,
        filter: &impl fmt::Debug,
        page: &PageRequest,
        default: Order,
    ) -> Result<Self> {
        let scope = CursorScope::new(operation, filter, page.order.unwrap_or(default));
        let limit = page.checked_limit()?;
        let after = scope.key(page.after.as_ref())?;
        Ok(Self { scope, limit, after })
    }

    /// Returns the order of the listing.
    #[must_use]
    pub const fn order(&self) -> Order {
        self.scope.order()
    }

    /// Makes the page; when there is more, it continues after the last item's key.
    ///
    /// # Errors
    /// Those of [`CursorScope::cursor`].
    pub fn page<T>(&self, items: Vec<T>, more: bool, key: impl Fn(&T) -> K) -> Result<Page<T>> {
        let next = match items.last() {
            Some(last) if more => Some(self.scope.cursor(&key(last))?),
            _ => None,
        };
        Ok(Page { items, next })
    }
}

/// The bytes after which a page ends, once it holds a row: 8 MiB.
pub const PAGE_BYTE_BUDGET: i64 = 8 * 1024 * 1024;

/// The version of the cursor format.
const FORMAT: u8 = 1;

/// The bytes of SHA-256 that guard a cursor against damage. It is no secret and no signature.
const CHECKSUM_BYTES: usize = 8;

/// The longest cursor that is looked at: keys are bounded, so a longer one is not ours.
const CURSOR_MAX_BYTES: usize = 2048;

/// The direction of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Smallest, or oldest, first.
    Asc,
    /// Largest, or newest, first.
    Desc,
}

/// What part of a listing is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// The most items the page may hold: 1 to 1000.
    pub limit: u32,
    /// Where the previous page ended; none for the first page.
    pub after: Option<Cursor>,
    /// The direction; each operation states its default.
    pub order: Option<Order>,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { limit: Self::DEFAULT_LIMIT, after: None, order: None }
    }
}

impl PageRequest {
    /// The items of a page when nothing else is asked for.
    pub const DEFAULT_LIMIT: u32 = 50;
    /// The most items a page can hold.
    pub const MAX_LIMIT: u32 = 1000;

    /// Asks for the first page of at most `limit` items.
    #[must_use]
    pub fn first(limit: u32) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Asks for the page after `cursor`, in the same size and order.
    #[must_use]
    pub fn after(self, cursor: Cursor) -> Self {
        Self { after: Some(cursor), ..self }
    }

    /// Asks for a direction.
    #[must_use]
    pub fn ordered(self, order: Order) -> Self {
        Self { order: Some(order), ..self }
    }

    /// Returns the limit as the number a query takes.
    ///
    /// # Errors
    /// `Invalid` when it is not between 1 and 1000.
    pub fn checked_limit(&self) -> Result<i64> {
        if (1..=Self::MAX_LIMIT).contains(&self.limit) {
            return Ok(i64::from(self.limit));
        }
        Err(Error::invalid(
            "limit",
            format!("is {}, allowed is 1 to {}", self.limit, Self::MAX_LIMIT),
        ))
    }
}

/// A part of a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The items, in the order of the listing.
    pub items: Vec<T>,
    /// Where the next page begins; none when this one is the last.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Applies `f` to every item, stopping at the first error.
    ///
    /// # Errors
    /// What `f` returns.
    pub fn try_map<U>(self, f: impl FnMut(T) -> Result<U>) -> Result<Page<U>> {
        let items = self.items.into_iter().map(f).collect::<Result<_>>()?;
        Ok(Page { items, next: self.next })
    }
}

/// A position in a listing. Opaque: it fits only the operation, filter and order it came from.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cursor({})", self.0)
    }
}

impl FromStr for Cursor {
    type Err = Error;

    /// Takes the text of a cursor; what it says is checked by the operation that gets it.
    fn from_str(text: &str) -> Result<Self> {
        if text.is_empty() || text.len() > CURSOR_MAX_BYTES {
            return Err(damaged());
        }
        Ok(Self(text.to_owned()))
    }
}

/// What a cursor belongs to: an operation, its filter and its order.
#[derive(Debug, Clone)]
pub struct CursorScope {
    operation: &'static str,
    filter: String,
    order: Order,
}

#[derive(Serialize, Deserialize)]
struct Content<'a, K> {
    v: u8,
    op: &'a str,
    f: &'a str,
    o: Order,
    k: K,
}

impl CursorScope {
    /// Describes a listing; `filter` is hashed, so that the cursor does not show it.
    pub fn new(operation: &'static str, filter: &impl fmt::Debug, order: Order) -> Self {
        let digest = Sha256::digest(format!("{filter:?}"));
        Self { operation, filter: URL_SAFE_NO_PAD.encode(&digest[..CHECKSUM_BYTES]), order }
    }

    /// Returns the order of the listing.
    #[must_use]
    pub const fn order(&self) -> Order {
        self.order
    }

    /// Makes the cursor that continues after `key`.
    ///
    /// # Errors
    /// `Invalid` when the key does not serialize, which the keys of the stores always do.
    pub fn cursor<K: Serialize>(&self, key: &K) -> Result<Cursor> {
        let content =
            Content { v: FORMAT, op: self.operation, f: &self.filter, o: self.order, k: key };
        let mut bytes = serde_json::to_vec(&content)
            .map_err(|cause| Error::invalid("after", cause.to_string()))?;
        let checksum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&checksum[..CHECKSUM_BYTES]);
        Ok(Cursor(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Reads the key out of the cursor of a request, if it has one.
    ///
    /// # Errors
    /// `Invalid` for a damaged cursor and for one of another operation, filter or order.
    pub fn key<K: DeserializeOwned>(&self, after: Option<&Cursor>) -> Result<Option<K>> {
        after.map(|cursor| self.decode(cursor)).transpose()
    }

    fn decode<K: DeserializeOwned>(&self, cursor: &Cursor) -> Result<K> {
        if cursor.0.len() > CURSOR_MAX_BYTES {
            return Err(damaged());
        }
        let bytes = URL_SAFE_NO_PAD.decode(&cursor.0).map_err(|_malformed| damaged())?;
        let split = bytes.len().checked_sub(CHECKSUM_BYTES).ok_or_else(damaged)?;
        let (content, checksum) = bytes.split_at(split);
        if Sha256::digest(content)[..CHECKSUM_BYTES] != *checksum {
            return Err(damaged());
        }
        let content: Content<'_, serde_json::Value> =
            serde_json::from_slice(content).map_err(|_malformed| damaged())?;
        if content.v != FORMAT || content.op != self.operation {
            return Err(Error::invalid("after", "this cursor comes from another operation"));
        }
        if content.f != self.filter || content.o != self.order {
            return Err(Error::invalid(
                "after",
                "this cursor comes from a listing with another filter or order",
            ));
        }
        serde_json::from_value(content.k).map_err(|_malformed| damaged())
    }
}

fn damaged() -> Error {
    Error::invalid("after", "this cursor is damaged: pass on exactly what the last page returned")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(operation: &'static str, filter: &str, order: Order) -> CursorScope {
        CursorScope::new(operation, &filter, order)
    }

    #[test]
    fn a_cursor_fits_only_its_own_listing() {
        let home = scope("list", "status=running", Order::Desc);
        let cursor = home.cursor(&("2026", "id-7")).unwrap();
        let key: Option<(String, String)> = home.key(Some(&cursor)).unwrap();
        assert_eq!(key, Some(("2026".into(), "id-7".into())));
        let others = [
            scope("steps", "status=running", Order::Desc),
            scope("list", "status=failed", Order::Desc),
            scope("list", "status=running", Order::Asc),
        ];
        for other in others {
            let error = other.key::<(String, String)>(Some(&cursor)).unwrap_err();
            assert!(matches!(&error, Error::Invalid { field, .. } if field == "after"), "{error}");
        }
    }

    #[test]
    fn every_damaged_cursor_is_refused() {
        let home = scope("list", "", Order::Asc);
        let text = home.cursor(&7).unwrap().to_string();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let cursor: Cursor = String::from_utf8(bytes).unwrap().parse().unwrap();
            assert!(home.key::<i64>(Some(&cursor)).is_err(), "flipped byte {at}");
            if at > 0 {
                let cut: Cursor = text[..at].parse().unwrap();
                assert!(home.key::<i64>(Some(&cut)).is_err(), "cut at {at}");
            }
        }
        assert!("".parse::<Cursor>().is_err());
        assert!("!!".parse::<Cursor>().is_ok_and(|c| home.key::<i64>(Some(&c)).is_err()));
        assert!(home.key::<i64>(None).unwrap().is_none());
    }

    #[test]
    fn limits_outside_1_to_1000_are_invalid() {
        for limit in [0, 1001, u32::MAX] {
            assert!(PageRequest::first(limit).checked_limit().is_err());
        }
        assert_eq!(PageRequest::first(1000).checked_limit().unwrap(), 1000);
        assert_eq!(PageRequest::default().limit, 50);
    }
}
