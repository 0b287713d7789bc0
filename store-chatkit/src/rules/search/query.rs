//! Queries: words, phrases and what must not be there.

use store_core::chatkit::{ChatContext, ItemSearch, SearchScope};
use store_core::{Error, Listing, Order, OwnerId, PageRequest, Result, ThreadId, Timestamp};

use super::words::{owner_word, thread_word, words};

/// The longest query, in bytes.
const MAX_BYTES: usize = 1024;

/// The most words and phrases.
const MAX_PARTS: usize = 32;

/// How many of the newest items are looked at, one by one, before the index of words is asked: a
/// page of a word that many have is found among them …
pub(crate) const WALKED_ITEMS: usize = 1_000;
/// … and at most so many bytes of them, so that a word that few have does not wait for long.
pub(crate) const WALKED_BYTES: i64 = 1024 * 1024;

/// What found items are listed by: when they came to be, their thread and their place.
pub(crate) type FoundKey = (Timestamp, String, i64);

/// Checks which page of a search is wanted.
pub(crate) fn found_listing(
    cx: &ChatContext,
    search: &ItemSearch,
    page: &PageRequest,
) -> Result<Listing<FoundKey>> {
    if page.order == Some(Order::Asc) {
        return Err(Error::invalid("order", "a search lists the newest or the best items first"));
    }
    if search.ranked && page.after.is_some() {
        return Err(Error::invalid("after", "a ranked search has one page: the best items"));
    }
    Listing::new("search_items", &(cx.owner(), search), page, Order::Desc)
}

/// A search that may be done.
#[derive(Debug, Clone)]
pub(crate) struct ReadySearch {
    /// Whose items; none for those of all owners.
    pub(crate) owner: Option<OwnerId>,
    /// Where; none for everywhere.
    pub(crate) thread_id: Option<ThreadId>,
    /// Whether the best come first.
    pub(crate) ranked: bool,
    /// Phrases that must be there: words in a row. The words of the scope are among them.
    must: Vec<Vec<String>>,
    /// Phrases that must not.
    must_not: Vec<Vec<String>>,
}

impl ReadySearch {
    /// Reads a query.
    pub(crate) fn new(cx: &ChatContext, search: &ItemSearch) -> Result<Self> {
        let query = search.query.as_str();
        if query.is_empty() || query.len() > MAX_BYTES {
            let reason = format!("has {} bytes, allowed are 1 to {MAX_BYTES}", query.len());
            return Err(Error::invalid("query", reason));
        }
        let (wanted, unwanted): (Vec<_>, Vec<_>) = parts(query).partition(|part| !part.excluded);
        let phrases = |parts: Vec<Part<'_>>| -> Vec<Vec<String>> {
            let phrases = parts.iter().map(|part| words(part.text).collect::<Vec<_>>());
            phrases.filter(|phrase| !phrase.is_empty()).collect()
        };
        let (mut must, must_not) = (phrases(wanted), phrases(unwanted));
        if must.is_empty() {
            let reason = "has nothing to look for: name a word or a phrase that must be there";
            return Err(Error::invalid("query", reason));
        }
        if must.len() + must_not.len() > MAX_PARTS {
            let reason = format!("has more than {MAX_PARTS} words and phrases");
            return Err(Error::invalid("query", reason));
        }
        let thread_id = match &search.scope {
            SearchScope::Thread(id) => Some(id.clone()),
            SearchScope::Owner => None,
        };
        let scope = match (&thread_id, cx.owner()) {
            (Some(thread), _) => Some(thread_word(thread.as_str())),
            (None, Some(owner)) => Some(owner_word(owner.as_str())),
            (None, None) => None,
        };
        must.extend(scope.map(|word| vec![word]));
        let owner = cx.owner().cloned();
        Ok(Self { owner, thread_id, ranked: search.ranked, must, must_not })
    }

    /// Returns the expression for FTS5. Words are letters and digits: quotes are enough.
    #[cfg(feature = "sqlite")]
    pub(crate) fn fts5(&self) -> String {
        let phrase = |words: &Vec<String>| format!("\"{}\"", words.join(" "));
        let all = |phrases: &[Vec<String>], operator: &str| {
            phrases.iter().map(phrase).collect::<Vec<_>>().join(operator)
        };
        let must = all(&self.must, " AND ");
        match self.must_not.as_slice() {
            [] => must,
            unwanted => format!("({must}) NOT ({})", all(unwanted, " OR ")),
        }
    }

    /// Tells whether an item meets the query, by the text that FTS5 indexes.
    #[cfg(feature = "sqlite")]
    pub(crate) fn is_met_by(&self, text: &str) -> bool {
        let words: Vec<&str> = text.split(' ').collect();
        let has = |phrase: &Vec<String>| words.windows(phrase.len()).any(|here| here == phrase);
        self.must.iter().all(has) && !self.must_not.iter().any(has)
    }

    /// Returns the text form of a `tsquery`. Words are letters and digits: they need no quotes.
    #[cfg(feature = "postgres")]
    pub(crate) fn tsquery(&self) -> String {
        let phrase = |words: &Vec<String>| format!("({})", words.join(" <-> "));
        let must = self.must.iter().map(phrase);
        let must_not = self.must_not.iter().map(|words| format!("!{}", phrase(words)));
        must.chain(must_not).collect::<Vec<_>>().join(" & ")
    }
}

/// A word or phrase of a query.
#[derive(Debug, PartialEq, Eq)]
struct Part<'a> {
    text: &'a str,
    excluded: bool,
}

/// Splits a query at white space outside of quotes.
fn parts(query: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = query.trim_start();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (bare, excluded) = match rest.strip_prefix('-') {
            Some(bare) => (bare, true),
            None => (rest, false),
        };
        let (text, after) = match bare.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => {
                let end = bare.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(bare.len());
                bare.split_at(end)
            }
        };
        rest = after.trim_start();
        Some(Part { text, excluded })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(query: &str) -> Result<ReadySearch> {
        ReadySearch::new(&ChatContext::administrator(), &ItemSearch::everywhere(query))
    }

    #[test]
    fn queries_are_words_phrases_and_exclusions() {
        let cases: [(&str, &[&str], &[&str]); 10] = [
            ("a b", &["a", "b"], &[]),
            ("  a  ", &["a"], &[]),
            ("\"a b\" c", &["a b", "c"], &[]),
            ("a -b", &["a"], &["b"]),
            ("a -\"b c\"", &["a"], &["b c"]),
            ("foo-bar", &["foo bar"], &[]),
            ("\"open end", &["open end"], &[]),
            ("a\"b c\"d", &["a", "b c", "d"], &[]),
            ("a - !? b", &["a", "b"], &[]),
            ("AND OR NOT", &["and", "or", "not"], &[]),
        ];
        for (query, must, must_not) in cases {
            let ready = ready(query).unwrap();
            let joined = |all: &[Vec<String>]| all.iter().map(|p| p.join(" ")).collect::<Vec<_>>();
            assert_eq!(joined(&ready.must), must, "{query}");
            assert_eq!(joined(&ready.must_not), must_not, "{query}");
        }
    }

    #[test]
    fn queries_without_anything_to_find_are_invalid() {
        let many = "a ".repeat(33);
        let long = "a".repeat(1025);
        for query in ["", "   ", "-a", "!?", "\"\"", "-\"a b\"", &many, &long] {
            assert!(ready(query).is_err(), "{query:?}");
        }
        assert!(ready(&"a ".repeat(32)).is_ok());
    }

    #[test]
    fn expressions_hold_nothing_but_words() {
        let hostile = ready("a* NEAR(b) \"c\" OR search:d ' ; -- 'x':* <-> !e").unwrap();
        #[cfg(feature = "sqlite")]
        assert!(hostile.fts5().chars().all(|c| c.is_ascii_alphanumeric() || " \"()".contains(c)));
        #[cfg(feature = "postgres")]
        {
            let kept = |c: char| c.is_ascii_alphanumeric() || " ()&<->!".contains(c);
            assert!(hostile.tsquery().chars().all(kept));
        }
        drop(hostile);
    }
}
