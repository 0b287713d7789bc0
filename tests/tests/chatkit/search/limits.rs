//! How much of an item is found: its first 16,000 words and ends of texts, of each word its first
//! 250 occurrences, up to 500,000 bytes.

use serde_json::{Value, json};
use store_core::chatkit::{ItemType, NewThreadItem};
use store_tests::fixture::Chats;
use store_tests::samples::{alice, found, item_id, message, saved, thread};

const THREAD: &str = "thr_1";
const WORDS: usize = 16_000;

/// A word of 12 letters, another one for each number. Each letter has two bytes in UTF-8.
fn word(number: usize) -> String {
    const LETTERS: [char; 10] = ['а', 'б', 'в', 'г', 'д', 'е', 'ж', 'з', 'и', 'к'];
    format!("{number:012}").bytes().map(|digit| LETTERS[usize::from(digit - b'0')]).collect()
}

async fn add(t: &Chats, item: NewThreadItem) {
    let added = t.store.add_thread_item(&alice(), &thread(THREAD), item).await;
    added.expect("the item is added");
}

async fn assert_found(t: &Chats, query: &str, expected: bool) {
    let hits = found(t, query).await;
    assert_eq!(!hits.is_empty(), expected, "`{query}`");
}

async fn the_first_16_000_words_are_found(t: &Chats) {
    saved(t, THREAD).await;
    let text: String = (0..=WORDS).map(|number| format!("w{number} ")).collect();
    add(t, message("long", &text)).await;
    assert_found(t, "w0", true).await;
    assert_found(t, "\"w15998 w15999\"", true).await;
    assert_found(t, &format!("w{WORDS}"), false).await;
}

/// The end of a text counts as a word.
async fn of_texts_of_one_word_the_first_8_000_are_found(t: &Chats) {
    saved(t, THREAD).await;
    let queries: Vec<Value> = (0..WORDS).map(|number| json!(format!("w{number}"))).collect();
    let content = json!({"task": {"type": "web_search", "queries": queries}});
    add(t, NewThreadItem::new(item_id("long"), ItemType::Task, content)).await;
    assert_found(t, "w0", true).await;
    assert_found(t, "w7999", true).await;
    assert_found(t, "w8000", false).await;
}

/// Words that are not of ASCII letters and digits count double: these have 48 bytes.
async fn the_first_500_000_bytes_are_found(t: &Chats) {
    saved(t, THREAD).await;
    let words: Vec<String> = (0..WORDS).map(word).collect();
    add(t, message("long", &words.join(" "))).await;
    assert_found(t, &format!("\"{} {}\"", words[8000], words[8001]), true).await;
    assert_found(t, &words[9_900], true).await;
    assert_found(t, &words[10_500], false).await;
}

/// Of a word that comes again and again, what follows its 250th occurrence is not in a phrase with
/// it; the words between are found.
async fn of_each_word_250_occurrences_are_found(t: &Chats) {
    saved(t, THREAD).await;
    let text: String = (0..300).map(|number| format!("again w{number} ")).collect();
    add(t, message("long", &text)).await;
    assert_found(t, "\"again w249\"", true).await;
    assert_found(t, "\"again w250\"", false).await;
    assert_found(t, "w299 again", true).await;
}

on_both! {
    the_first_16_000_words_are_found,
    of_texts_of_one_word_the_first_8_000_are_found,
    the_first_500_000_bytes_are_found,
    of_each_word_250_occurrences_are_found,
}
