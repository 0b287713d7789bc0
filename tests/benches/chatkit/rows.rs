//! The columns and statements of both raw sides, and words as they are indexed.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::common::rows::Layout;

/// Three texts, a JSON value, an instant, two numbers.
const ITEM: &str = "thread_id, item_id, item_type, content, created_at, ordinal, content_bytes";

/// Six texts, three JSON values, two instants, a number.
const THREAD: &str = "thread_id, owner, workflow_id, title, status, status_reason, \
    allowed_image_domains, metadata, extra, created_at, updated_at, record_bytes";

pub(crate) const ITEM_LAYOUT: Layout =
    Layout { ids: 0..0, texts: 0..3, json: 3..4, instants: 4..5, numbers: 5..7 };
pub(crate) const THREAD_LAYOUT: Layout =
    Layout { ids: 0..0, texts: 0..6, json: 6..9, instants: 9..11, numbers: 11..12 };

/// Lists the items of somebody's thread after a place.
pub(crate) fn page() -> String {
    format!(
        "SELECT {ITEM} FROM chatkit_items WHERE thread_id = $1 AND ordinal > $2 AND EXISTS (\
         SELECT 1 FROM chatkit_threads AS t WHERE t.thread_id = $1 AND t.owner = $3) \
         ORDER BY ordinal LIMIT $4"
    )
}

/// Lists the threads of somebody, newest first, that meet a condition with a value.
pub(crate) fn filter(condition: &str) -> String {
    format!(
        "SELECT {THREAD} FROM chatkit_threads WHERE owner = $1 AND {condition} \
         ORDER BY created_at DESC, thread_id DESC LIMIT $3"
    )
}

/// Lists the items of somebody's threads, newest first, that meet a condition with an expression
/// over words.
pub(crate) fn search(condition: &str) -> String {
    format!(
        "SELECT {ITEM} FROM chatkit_items AS i WHERE {condition} AND EXISTS (\
         SELECT 1 FROM chatkit_threads AS t WHERE t.thread_id = i.thread_id AND t.owner = $2) \
         ORDER BY created_at DESC, thread_id DESC, ordinal DESC LIMIT $3"
    )
}

/// Takes the next place in somebody's thread.
pub(crate) const NEXT: &str = "UPDATE chatkit_threads SET next_ordinal = next_ordinal + 1, \
    revision = revision + 1, updated_at = $1 WHERE thread_id = $2 AND owner = $3 \
    RETURNING next_ordinal - 1 AS ordinal";

/// Touches somebody's thread.
pub(crate) const TOUCH: &str = "UPDATE chatkit_threads SET revision = revision + 1, \
    updated_at = $1 WHERE thread_id = $2 AND owner = $3 RETURNING 1";

/// The words of a text with those of its thread and owner, as FTS5 indexes them.
pub(crate) fn fts5(owner: &str, thread: &str, text: &str) -> String {
    format!("{} {} {text}", owner_word(owner), scope_word('t', thread))
}

/// The same as the text of a `tsvector`.
pub(crate) fn tsvector(owner: &str, thread: &str, text: &str) -> String {
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (place, word) in (1..).zip(text.split(' ')) {
        places.entry(word).or_default().push(place.to_string());
    }
    let words = places.into_iter().map(|(word, places)| format!(" {word}:{}", places.join(",")));
    let scope = format!("{} {}", owner_word(owner), scope_word('t', thread));
    words.fold(scope, |vector, word| vector + &word)
}

/// The word that every item of an owner has.
pub(crate) fn owner_word(owner: &str) -> String {
    scope_word('o', owner)
}

fn scope_word(kind: char, of: &str) -> String {
    let digest = Sha256::digest(of);
    digest[..16].iter().fold(format!("0{kind}"), |word, byte| format!("{word}{byte:02x}"))
}
