//! The words of an item, in the form each database indexes.

#[cfg(feature = "postgres")]
use std::collections::BTreeMap;
use std::collections::HashMap;

use serde_json::Value;
use store_core::chatkit::ItemType;
use store_core::{OwnerId, ThreadId};

use super::extract::texts;
use super::words::{owner_word, thread_word, words};

/// The words of an item that count. PostgreSQL knows 16,383 places.
const MAX_WORDS: usize = 16_000;

/// The occurrences of one word that count. PostgreSQL keeps 255 of a word.
const MAX_OCCURRENCES: usize = 250;

/// The bytes of words that count. PostgreSQL indexes up to 1 MB, places included.
const MAX_BYTES: usize = 500_000;

/// Stands where a word does not count any more, so that no phrase reaches over it.
const GAP: &str = "0g";

/// The words of one item.
#[derive(Debug, Clone)]
pub(crate) struct Document(Vec<String>);

impl Document {
    /// Cuts the text of an item.
    pub(crate) fn new(item_type: &ItemType, content: &Value) -> Self {
        let mut kept = Vec::new();
        let mut counts: HashMap<String, usize> = HashMap::new();
        let mut bytes = 0;
        for (nth, text) in texts(item_type, content).into_iter().enumerate() {
            // Phrases end with a text.
            let gap = (nth > 0).then(|| GAP.to_owned());
            for word in gap.into_iter().chain(words(text)) {
                bytes += word.len();
                if kept.len() == MAX_WORDS || bytes > MAX_BYTES {
                    break;
                }
                let count = counts.entry(word.clone()).or_default();
                *count += 1;
                kept.push(if *count > MAX_OCCURRENCES { GAP.to_owned() } else { word });
            }
        }
        Self(kept)
    }

    /// Returns the words of an item as the text that FTS5 indexes; nothing for an item without any.
    #[cfg(feature = "sqlite")]
    pub(crate) fn text(&self, owner: &OwnerId, thread_id: &ThreadId) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let mut text = scope(owner, thread_id).join(" ");
        for word in &self.0 {
            text.push(' ');
            text.push_str(word);
        }
        text
    }

    /// Returns the words of an item in the form a `tsvector` has on the wire; none for an item without
    /// any.
    #[cfg(feature = "postgres")]
    pub(crate) fn tsvector(&self, owner: &OwnerId, thread_id: &ThreadId) -> Vec<u8> {
        let scope = scope(owner, thread_id);
        let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        if !self.0.is_empty() {
            places.extend(scope.iter().map(|word| (word.as_str(), Vec::new())));
        }
        for (place, word) in self.0.iter().enumerate() {
            if word != GAP {
                places.entry(word).or_default().push(place + 1);
            }
        }
        let mut wire = Vec::with_capacity(4 + self.0.len() * 12);
        // All are bounded by what counts.
        wire.extend(u32::try_from(places.len()).unwrap_or(u32::MAX).to_be_bytes());
        for (word, places) in places {
            wire.extend(word.as_bytes());
            wire.push(0);
            for number in std::iter::once(places.len()).chain(places) {
                wire.extend(u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes());
            }
        }
        wire
    }
}

/// The words that say whose an item is.
fn scope(owner: &OwnerId, thread_id: &ThreadId) -> [String; 2] {
    [owner_word(owner.as_str()), thread_word(thread_id.as_str())]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(text: &str) -> Document {
        let content = json!({"content": [{"type": "output_text", "text": text}]});
        Document::new(&ItemType::AssistantMessage, &content)
    }

    fn whose() -> (OwnerId, ThreadId) {
        (OwnerId::new("o").unwrap(), ThreadId::new("t").unwrap())
    }

    #[test]
    fn what_counts_is_bounded() {
        let many: String = (0..20_000).map(|n| format!("w{n} ")).collect();
        assert_eq!(document(&many).0.len(), MAX_WORDS);
        let same = document(&"again ".repeat(1000));
        assert_eq!(same.0.iter().filter(|word| *word == "again").count(), MAX_OCCURRENCES);
        let long: String = (0..5_000).map(|n| format!("{n}{} ", "x".repeat(240))).collect();
        let bytes: usize = document(&long).0.iter().map(String::len).sum();
        assert!(bytes <= MAX_BYTES && bytes > MAX_BYTES - 300, "{bytes}");
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn an_item_without_words_has_no_text() {
        let (owner, thread) = whose();
        assert_eq!(document(" … ").text(&owner, &thread), "");
        assert!(document("a b").text(&owner, &thread).ends_with(" a b"));
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn a_vector_has_the_places_of_each_word() {
        let (owner, thread) = whose();
        assert_eq!(document(" … ").tsvector(&owner, &thread), [0, 0, 0, 0]);
        let vector = document("b a b").tsvector(&owner, &thread);
        assert_eq!(vector[..4], [0, 0, 0, 4]);
        assert!(vector.ends_with(b"a\0\0\x01\0\x02b\0\0\x02\0\x01\0\x03"));
    }
}
