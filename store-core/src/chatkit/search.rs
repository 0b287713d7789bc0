use crate::ThreadId;

/// What to search for in the text of items.
///
/// The text of an item is what people read in it: the text of messages and what they quote, titles
/// and texts of tasks and workflows, questions and answers, the text of widgets. Keys of JSON, ids,
/// calls of tools, hidden contexts and unknown types have none. It is cut into words by the rules
/// of Unicode (UAX #29) after NFKC and lower-casing; each ideograph and each emoji is a word.
/// Accents count. Words have their first 255 bytes; of an item, the first 16,000 words are found,
/// where the end of a text counts as one, of each word its first 250 occurrences, up to 500,000
/// bytes, where words that are not of ASCII letters and digits count double.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemSearch {
    /// Words that all have to be there, `"phrases in quotes"`, and `-words` or `-"phrases"` that
    /// must not: 1 to 1,024 bytes, at most 32 of them, one at least that has to be there. A word
    /// that the rules cut into several, such as `foo-bar` or `東京`, is a phrase. A quote that is
    /// not closed ends with the text.
    pub query: String,
    /// Where to look.
    pub scope: SearchScope,
    /// Whether the best come first. What is best differs between backends; what is found does not.
    pub ranked: bool,
}

/// Where to look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchScope {
    /// In one thread.
    Thread(ThreadId),
    /// In all threads of the owner; for an administrator, in all threads.
    Owner,
}

impl ItemSearch {
    /// Searches one thread, newest first.
    pub fn in_thread(thread_id: ThreadId, query: impl Into<String>) -> Self {
        Self { query: query.into(), scope: SearchScope::Thread(thread_id), ranked: false }
    }

    /// Searches all threads of the owner, newest first.
    pub fn everywhere(query: impl Into<String>) -> Self {
        Self { query: query.into(), scope: SearchScope::Owner, ranked: false }
    }

    /// Asks for the best first.
    #[must_use]
    pub fn ranked(self) -> Self {
        Self { ranked: true, ..self }
    }
}
