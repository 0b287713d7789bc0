//! Full text: how items become words, and how queries become expressions over words.
//!
//! Both databases could cut text into words by themselves, and would do it differently. So it is
//! done here, once, and what they get are words that their own tokenizers leave alone.

mod derived;
mod document;
mod extract;
mod query;
mod words;

pub use derived::SearchWords;
pub(crate) use document::Document;
pub(crate) use query::{FoundKey, ReadySearch, WALKED_BYTES, WALKED_ITEMS, found_listing};
