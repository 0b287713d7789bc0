//! Words: what can be found.

use sha2::{Digest as _, Sha256};
use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::UnicodeEmoji as _;
use unicode_segmentation::UnicodeSegmentation as _;

/// The bytes that count of a word.
const WORD_MAX_BYTES: usize = 255;

/// Cuts a text into words: NFKC, lower case, UAX #29; what has neither a letter, nor a digit, nor
/// an emoji is no word.
///
/// They come in the form in which they are stored. See [`stored`].
pub(super) fn words(text: &str) -> impl Iterator<Item = String> {
    let text = text.nfkc().collect::<String>().to_lowercase();
    let kept: Vec<String> =
        text.split_word_bounds().filter(|part| is_word(part)).map(stored).collect();
    kept.into_iter()
}

fn is_word(part: &str) -> bool {
    part.chars().any(|c| c.is_alphanumeric() || (!c.is_ascii() && c.is_emoji_char()))
}

/// Brings a word into a form of ASCII letters and digits alone, as the tokenizers of the databases
/// do not touch it: as it is, or `0x` and its bytes in hexadecimal.
fn stored(word: &str) -> String {
    let mut end = word.len().min(WORD_MAX_BYTES);
    while !word.is_char_boundary(end) {
        end -= 1;
    }
    let word = &word[..end];
    let plain = word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if plain && !is_marked(word) {
        return word.to_owned();
    }
    word.bytes().fold(String::from("0x"), |mut hex, byte| {
        for digit in [byte >> 4, byte & 15] {
            hex.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
        hex
    })
}

/// Tells whether a word looks like one that does not stand for itself: `0` and a letter.
fn is_marked(word: &str) -> bool {
    let mut bytes = word.bytes();
    bytes.next() == Some(b'0') && bytes.next().is_some_and(|b| b.is_ascii_lowercase())
}

/// The word that every item of an owner has, so that a search in what is theirs looks at nothing
/// else. No text contains it.
pub(super) fn owner_word(owner: &str) -> String {
    scope_word('o', owner)
}

/// The word that every item of a thread has.
pub(super) fn thread_word(thread_id: &str) -> String {
    scope_word('t', thread_id)
}

fn scope_word(kind: char, of: &str) -> String {
    let digest = Sha256::digest(of);
    // 128 bits: which rows it finds is checked against the thread all the same.
    digest[..16].iter().fold(format!("0{kind}"), |word, byte| format!("{word}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Vec<String> {
        words(text)
            .map(|word| match word.strip_prefix("0x") {
                Some(hex) => {
                    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
                    let bytes = (0..hex.len()).step_by(2).map(byte).collect();
                    String::from_utf8(bytes).unwrap()
                }
                None => word,
            })
            .collect()
    }

    #[test]
    fn text_is_cut_by_the_rules_of_unicode() {
        let cases: [(&str, &[&str]); 14] = [
            ("Hello, World!", &["hello", "world"]),
            ("can't stop — won't", &["can't", "stop", "won't"]),
            ("3.14 and 1,000", &["3.14", "and", "1,000"]),
            ("foo-bar foo_bar", &["foo", "bar", "foo_bar"]),
            ("Größe GRÖSSE", &["größe", "grösse"]),
            ("cafe\u{301} café", &["café", "café"]),
            ("ﬁne ２０", &["fine", "20"]),
            ("東京タワー", &["東", "京", "タワー"]),
            ("Привет мир", &["привет", "мир"]),
            ("👩‍👩‍👧 ok 🎉🎉", &["👩‍👩‍👧", "ok", "🎉", "🎉"]),
            ("!? … \t\n # * ©", &["©"]),
            ("0xff 0o1 0t2 0", &["0xff", "0o1", "0t2", "0"]),
            ("مرحبا بالعالم", &["مرحبا", "بالعالم"]),
            ("", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(plain(text), expected, "{text}");
        }
    }

    #[test]
    fn stored_words_are_ascii_and_stand_for_one_word() {
        for text in ["größe", "0xff", "can't", "🎉", "foo_bar"] {
            for word in words(text) {
                assert!(word.starts_with("0x"), "{text}: {word}");
                assert!(word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
            }
        }
        assert_eq!(words("abc 12 0").collect::<Vec<_>>(), ["abc", "12", "0"]);
        assert_ne!(owner_word("a"), owner_word("b"));
        assert_ne!(owner_word("a"), thread_word("a"));
        let unlike = words(&owner_word("a")).next().unwrap();
        assert_ne!(unlike, owner_word("a"), "no text can look like the owner");
    }

    #[test]
    fn of_a_long_word_the_first_bytes_count() {
        let long: String = "ä".repeat(300);
        let word = words(&long).next().unwrap();
        assert_eq!(word, words(&"ä".repeat(127)).next().unwrap());
    }
}
