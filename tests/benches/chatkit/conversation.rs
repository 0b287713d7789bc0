//! The conversations that are measured, and what is said in them.
//!
//! All words are of ASCII letters, in lower case, so that a text is cut into words at its spaces:
//! the raw side has no other rules.

use serde_json::{Value, json};

/// Whose conversations are paged and searched.
pub(crate) const READER: &str = "reader";
/// Whose threads are filtered.
pub(crate) const FILTERER: &str = "filterer";
/// Whose items are added and saved.
pub(crate) const WRITER: &str = "writer";

/// A thread …
pub(crate) const LONG: &str = "thr_long";
/// … of so many items, …
pub(crate) const LONG_ITEMS: u32 = 100_000;
/// … and another one.
pub(crate) const SHORT: &str = "thr_short";
pub(crate) const SHORT_ITEMS: u32 = 1_000;

/// The threads that are filtered …
pub(crate) const THREADS: u32 = 10_000;
/// … and the customers they are spread over.
const CUSTOMERS: u32 = 100;
/// The customer that is asked for.
pub(crate) const CUSTOMER: &str = "customer-7";

/// A word that every tenth item of both threads has.
pub(crate) const COMMON: &str = "invoice";
/// A word that every ten thousandth has.
pub(crate) const RARE: &str = "xylophone";
/// How many have it.
pub(crate) const RARE_ITEMS: u32 = LONG_ITEMS.div_ceil(10_000) + SHORT_ITEMS.div_ceil(10_000);

/// The threads that callers write to.
pub(crate) const WRITTEN: usize = 16;
/// The callers that save an item each.
pub(crate) const SAVED: usize = 100;

/// The type of all items.
pub(crate) const ITEM_TYPE: &str = "assistant_message";

/// The metadata of a thread that is filtered.
pub(crate) fn metadata(nth: u32) -> Value {
    json!({ "customer": format!("customer-{}", nth % CUSTOMERS), "channel": "web", "priority": 2 })
}

/// The number of the thread that a caller writes to.
pub(crate) const fn turn(caller: usize) -> usize {
    caller % SAVED % WRITTEN
}

/// The thread that a caller writes to.
pub(crate) fn written(caller: usize) -> String {
    format!("thr_written_{}", turn(caller))
}

/// The item that a caller saves.
pub(crate) fn saved(caller: usize) -> String {
    format!("msg_saved_{}", caller % SAVED)
}

/// An item that is read: some 25 words of a vocabulary of 2,000.
pub(crate) fn read_item(nth: u32) -> Value {
    let mut words: Vec<String> = (0..24).map(|place| word(nth * 31 + place * 7919)).collect();
    for (every, word) in [(10, COMMON), (10_000, RARE)] {
        if nth.is_multiple_of(every) {
            words.push(word.to_owned());
        }
    }
    content(&words.join(" "))
}

/// An item that is written: 1 KiB of JSON. There are two, so that saving changes something.
pub(crate) fn written_item(variant: u64) -> Value {
    let around = content("").to_string().len();
    let mut text = if variant.is_multiple_of(2) { "even".to_owned() } else { "odd".to_owned() };
    let mut place = 0;
    while around + text.len() < 1024 {
        text.push(' ');
        text.push_str(&word(place * 7919));
        place += 1;
    }
    text.truncate(1024 - around);
    content(text.trim_end())
}

/// The text of an item.
pub(crate) fn text(content: &Value) -> &str {
    content["content"][0]["text"].as_str().unwrap_or_default()
}

fn content(text: &str) -> Value {
    let part = json!({ "type": "output_text", "text": text, "annotations": [] });
    json!({ "type": ITEM_TYPE, "content": [part] })
}

/// A word of five letters: `w`, and a number.
fn word(number: u32) -> String {
    let letter = |digit: u32| char::from_digit(10 + digit % 26, 36).unwrap_or('a');
    let number = number % 2_000;
    ['w', letter(number), letter(number / 26), letter(number / 676), letter(number % 7)]
        .into_iter()
        .collect()
}
