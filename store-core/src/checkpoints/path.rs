use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::metrics::FLOAT_KEY;
use crate::{Error, Result};

/// Where a metric is among the metrics: a JSON Pointer (RFC 6901), such as `/validation/loss`.
///
/// `~1` stands for a slash inside a key and `~0` for a tilde. Text without a slash in front gets
/// one: `accuracy` is `/accuracy`. At most 512 bytes with that slash, no NUL; compared byte by
/// byte. The key `$f64` is taken: see [`Metrics`](super::Metrics).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricPath(String);

impl MetricPath {
    /// The longest path, in bytes.
    pub const MAX_BYTES: usize = 512;

    /// Checks and wraps a path.
    ///
    /// # Errors
    /// `Invalid` when it is empty, too long, holds NUL, a tilde that is not followed by 0 or 1, or
    /// the key `$f64`.
    pub fn new(path: impl Into<String>) -> Result<Self> {
        let path = path.into();
        if path.is_empty() {
            return Err(invalid("must not be empty"));
        }
        let path = if path.starts_with('/') { path } else { format!("/{path}") };
        let Some(keys) = path.split('/').skip(1).map(unescaped).collect::<Option<Vec<_>>>() else {
            return Err(invalid("holds a tilde that is not followed by 0 or 1"));
        };
        if keys.iter().any(|key| key == FLOAT_KEY) {
            return Err(invalid("holds the key `$f64`, which stands for a number"));
        }
        Self::checked(path)
    }

    /// Makes the path of a key inside an object inside an object.
    ///
    /// # Errors
    /// Those of [`new`](Self::new); `Invalid` also for no key at all.
    pub fn from_keys<K: AsRef<str>>(keys: impl IntoIterator<Item = K>) -> Result<Self> {
        let mut path = String::new();
        for key in keys {
            path.push('/');
            path.push_str(&escaped(key.as_ref()));
        }
        Self::new(path)
    }

    /// Returns the path as text, with the slash in front.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the keys from the outside in.
    pub fn keys(&self) -> impl Iterator<Item = String> + '_ {
        self.0.split('/').skip(1).map(|key| unescaped(key).unwrap_or_default())
    }

    /// Makes the path below this one, or below the root.
    pub(super) fn below(parent: Option<&Self>, key: &str) -> Result<Self> {
        let parent = parent.map_or("", Self::as_str);
        Self::checked(format!("{parent}/{}", escaped(key)))
    }

    fn checked(path: String) -> Result<Self> {
        if path.len() > Self::MAX_BYTES {
            let (size, most) = (path.len(), Self::MAX_BYTES);
            return Err(invalid(format!("has {size} bytes, at most {most} are allowed")));
        }
        match path.find('\0') {
            Some(at) => Err(invalid(format!("holds a NUL character at byte {at}"))),
            None => Ok(Self(path)),
        }
    }
}

fn invalid(reason: impl Into<String>) -> Error {
    Error::invalid("path", reason)
}

/// Writes a key as a part of a pointer. The tilde first, so that `~1` does not become `~01`.
pub(super) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Reads a part of a pointer; none when it is malformed.
fn unescaped(part: &str) -> Option<String> {
    let mut key = String::with_capacity(part.len());
    let mut chars = part.chars();
    while let Some(c) = chars.next() {
        match c {
            '~' => match chars.next()? {
                '0' => key.push('~'),
                '1' => key.push('/'),
                _ => return None,
            },
            other => key.push(other),
        }
    }
    Some(key)
}

impl AsRef<str> for MetricPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MetricPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MetricPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MetricPath({:?})", self.0)
    }
}

impl FromStr for MetricPath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::new(text)
    }
}

impl TryFrom<&str> for MetricPath {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self> {
        Self::new(text)
    }
}

impl TryFrom<String> for MetricPath {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::new(text)
    }
}

impl Serialize for MetricPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for MetricPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_text_form() {
        assert_eq!(MetricPath::new("accuracy").unwrap().as_str(), "/accuracy");
        assert_eq!(MetricPath::new("a/b").unwrap(), MetricPath::new("/a/b").unwrap());
        assert_eq!(MetricPath::from_keys(["a/b", "~c"]).unwrap().as_str(), "/a~1b/~0c");
        let keys: Vec<_> = MetricPath::new("/a~1b/~0c//").unwrap().keys().collect();
        assert_eq!(keys, ["a/b", "~c", "", ""]);
    }

    #[test]
    fn paths_are_checked_where_they_are_made() {
        assert!(MetricPath::new("x".repeat(511)).is_ok());
        for bad in ["", "a~", "a~2", "a\0", "$f64", "/a/$f64/b", &"x".repeat(512)] {
            let error = MetricPath::new(bad).unwrap_err();
            assert!(matches!(&error, Error::Invalid { field, .. } if field == "path"), "{bad:?}");
        }
        assert!(MetricPath::from_keys(Vec::<String>::new()).is_err());
    }
}
