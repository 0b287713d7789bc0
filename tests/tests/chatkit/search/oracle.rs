//! What a search should find, by reading every item: the documentation of `ItemSearch` in code.

use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::UnicodeEmoji as _;
use unicode_segmentation::UnicodeSegmentation as _;

/// Cuts a text into words.
fn words(text: &str) -> Vec<String> {
    let text = text.nfkc().collect::<String>().to_lowercase();
    let said = |part: &&str| part.chars().any(|c| c.is_alphanumeric() || is_emoji(c));
    text.split_word_bounds().filter(said).map(str::to_owned).collect()
}

/// ASCII has digits and signs that can be part of an emoji and are none by themselves.
fn is_emoji(letter: char) -> bool {
    !letter.is_ascii() && letter.is_emoji_char()
}

/// What an item says.
pub(crate) struct Said(Vec<String>);

impl Said {
    pub(crate) fn new(text: &str) -> Self {
        Self(words(text))
    }

    fn says(&self, phrase: &[String]) -> bool {
        self.0.windows(phrase.len()).any(|row| row == phrase)
    }
}

/// Phrases that have to be said, and those that must not.
pub(crate) struct Asked {
    wanted: Vec<Vec<String>>,
    unwanted: Vec<Vec<String>>,
}

impl Asked {
    /// Reads a query whose quotes are closed, and stand at the beginning and end of words.
    pub(crate) fn new(query: &str) -> Self {
        let mut asked = Self { wanted: Vec::new(), unwanted: Vec::new() };
        let mut excluded = false;
        for (nth, piece) in query.split('"').enumerate() {
            if nth % 2 == 1 {
                asked.add(piece, excluded);
                continue;
            }
            for word in piece.split_whitespace() {
                asked.add(word.strip_prefix('-').unwrap_or(word), word.starts_with('-'));
            }
            excluded = piece.ends_with('-');
        }
        asked
    }

    fn add(&mut self, text: &str, excluded: bool) {
        let phrase = words(text);
        if !phrase.is_empty() {
            let phrases = if excluded { &mut self.unwanted } else { &mut self.wanted };
            phrases.push(phrase);
        }
    }

    pub(crate) fn finds(&self, said: &Said) -> bool {
        self.wanted.iter().all(|phrase| said.says(phrase))
            && !self.unwanted.iter().any(|phrase| said.says(phrase))
    }
}
