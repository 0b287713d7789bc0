//! 2,200 items, made by rules alone: they are the same each time.

use serde_json::{Value, json};
use store_core::chatkit::{ItemType, NewThreadItem};
use store_core::{ItemId, ThreadId, Timestamp};
use store_tests::fixture::noon;
use unicode_normalization::UnicodeNormalization as _;

use super::words::LISTS;
use std::time::Duration;

/// Threads of the first owner; the second has one.
pub(crate) const THREADS: usize = 10;
/// Items of a thread.
const ITEMS: usize = 200;

/// What stands between two words now and then. Some of it makes one word of the two.
const JOINTS: [&str; 12] =
    [", ", ". ", "\n", " — ", "-", "; ", " (", "/", "_", "'", ".", ") \u{202e}"];

/// An item of the corpus, and what it says.
pub(crate) struct Entry {
    pub(crate) thread: usize,
    /// Its place in the thread.
    pub(crate) place: usize,
    pub(crate) at: Timestamp,
    pub(crate) text: String,
}

impl Entry {
    pub(crate) fn thread_id(&self) -> ThreadId {
        ThreadId::new(format!("thr_{}", self.thread)).expect("a valid id")
    }

    /// The same ids are in every thread.
    pub(crate) fn item_id(&self) -> ItemId {
        ItemId::new(format!("msg_{}", self.place)).expect("a valid id")
    }

    /// Says its text in one of the types that have text.
    pub(crate) fn item(&self) -> NewThreadItem {
        let text = &self.text;
        let (item_type, content) = match self.place % 6 {
            0 => (ItemType::Task, json!({"task": {"type": "custom", "title": text}})),
            1 => (ItemType::Workflow, workflow(text)),
            2 => (ItemType::Widget, json!({"widget": {"type": "Text", "value": text}})),
            3 => (ItemType::StructuredInput, json!({"inputs": [{"question": text}]})),
            4 => (
                ItemType::UserMessage,
                json!({"content": [{"type": "input_text", "text": text}], "attachments": []}),
            ),
            _ => (
                ItemType::AssistantMessage,
                json!({"content": [{"type": "output_text", "text": text, "annotations": []}]}),
            ),
        };
        let item = NewThreadItem::new(self.item_id(), item_type, content);
        NewThreadItem { created_at: Some(self.at), ..item }
    }
}

fn workflow(text: &str) -> Value {
    json!({"workflow": {"type": "custom", "tasks": [{"type": "thought", "content": text}]}})
}

/// All items: those of the second owner are in the last thread.
pub(crate) fn corpus() -> Vec<Entry> {
    let mut dice = Dice(0x5eed);
    let entry = |number: usize| {
        let (thread, place) = (number / ITEMS, number % ITEMS);
        // Few instants, so that many items share one.
        let at = noon().plus(Duration::from_secs(60 * dice.roll(50) as u64));
        Entry { thread, place, at: at.expect("an instant"), text: text(&mut dice, number) }
    };
    (0..(THREADS + 1) * ITEMS).map(entry).collect()
}

/// Says something in one language, and sometimes in another one as well.
fn text(dice: &mut Dice, number: usize) -> String {
    let mut text = String::new();
    say(&mut text, dice, number % LISTS.len());
    if dice.roll(4) == 0 {
        text.push(' ');
        let other = dice.roll(LISTS.len());
        say(&mut text, dice, other);
    }
    match dice.roll(10) {
        0 => text.nfd().collect(),
        1 => text.nfc().collect(),
        2 => text.to_uppercase(),
        3 => text.chars().map(full_width).collect(),
        _ => text,
    }
}

fn say(text: &mut String, dice: &mut Dice, list: usize) {
    let list = &LISTS[list];
    for nth in 0..3 + dice.roll(6) {
        if nth > 0 {
            let joint =
                if dice.roll(4) == 0 { JOINTS[dice.roll(JOINTS.len())] } else { list.joint };
            text.push_str(joint);
        }
        text.push_str(list.words[dice.roll(list.words.len())]);
    }
}

fn full_width(letter: char) -> char {
    match letter {
        ' ' => '\u{3000}',
        '!'..='~' => char::from_u32(u32::from(letter) + 0xfee0).expect("a letter"),
        _ => letter,
    }
}

/// Numbers that look like chance and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // Knuth's multiplier; the upper bits are the better ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).expect("31 bits") % sides
    }
}
