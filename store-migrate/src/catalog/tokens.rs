//! SQL of SQLite, cut into tokens.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// A keyword or a bare name.
    Word,
    /// A name in double quotes, backquotes or brackets. In double quotes it may be a string.
    Quoted,
    /// A string.
    String,
    /// `x'…'`
    Blob,
    /// A number.
    Number,
    /// Anything else: parentheses, commas, operators.
    Sign,
}

/// A piece of SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) class: Class,
    /// As it is written.
    pub(crate) text: &'a str,
    /// Where it begins, in bytes.
    pub(crate) at: usize,
}

impl Token<'_> {
    /// Returns whether it is this keyword or sign.
    pub(crate) fn is(&self, text: &str) -> bool {
        matches!(self.class, Class::Word | Class::Sign) && self.text.eq_ignore_ascii_case(text)
    }

    /// Returns the name it stands for, or the text of a string: SQLite takes strings for names
    /// where only a name can be.
    pub(crate) fn name(&self) -> Option<String> {
        let quote = self.text.chars().next()?;
        let inner = || self.text.get(1..self.text.len() - 1);
        match self.class {
            Class::Word => Some(self.text.to_owned()),
            Class::Quoted if quote == '[' => inner().map(str::to_owned),
            Class::Quoted | Class::String => {
                inner().map(|text| text.replace(&format!("{quote}{quote}"), &quote.to_string()))
            }
            _ => None,
        }
    }

    /// Returns where it ends, in bytes.
    pub(crate) fn end(&self) -> usize {
        self.at + self.text.len()
    }
}

/// Cuts SQL into tokens without its blanks and comments. `None`: something does not end, which
/// SQL that SQLite accepted does not have.
pub(crate) fn tokens(sql: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = sql.get(at..).filter(|rest| !rest.is_empty()) {
        let (class, length) = next(rest)?;
        if let Some(class) = class {
            tokens.push(Token { class, text: rest.get(..length)?, at });
        }
        at += length;
    }
    Some(tokens)
}

/// Returns the class of what comes first, none for blanks and comments, and its length.
fn next(rest: &str) -> Option<(Option<Class>, usize)> {
    let first = rest.chars().next()?;
    Some(match first {
        _ if first.is_ascii_whitespace() => (None, 1),
        '-' if rest.starts_with("--") => (None, rest.find('\n').unwrap_or(rest.len())),
        '/' if rest.starts_with("/*") => {
            // SQLite takes a comment that is not closed to the end.
            (None, rest.get(2..)?.find("*/").map_or(rest.len(), |end| end + 4))
        }
        '\'' => (Some(Class::String), quoted(rest, '\'')?),
        '"' | '`' => (Some(Class::Quoted), quoted(rest, first)?),
        '[' => (Some(Class::Quoted), rest.find(']')? + 1),
        'x' | 'X' if rest[1..].starts_with('\'') => {
            (Some(Class::Blob), 1 + quoted(&rest[1..], '\'')?)
        }
        '0'..='9' => (Some(Class::Number), number(rest)),
        '.' if rest[1..].starts_with(|next: char| next.is_ascii_digit()) => {
            (Some(Class::Number), number(rest))
        }
        _ if in_word(first) => {
            (Some(Class::Word), rest.find(|next| !in_word(next)).unwrap_or(rest.len()))
        }
        _ => (Some(Class::Sign), sign(rest, first)),
    })
}

fn in_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '$' || !letter.is_ascii()
}

/// Returns the length of what is quoted, where the doubled quote stands for itself.
fn quoted(rest: &str, quote: char) -> Option<usize> {
    let mut at = 1;
    loop {
        at += rest.get(at..)?.find(quote)? + 1;
        if !rest.get(at..)?.starts_with(quote) {
            return Some(at);
        }
        at += 1;
    }
}

fn number(rest: &str) -> usize {
    let mut before = ' ';
    let end = rest.find(|next: char| {
        let exponent = matches!(before, 'e' | 'E') && !rest.starts_with("0x");
        let inside = in_word(next) || next == '.' || (exponent && matches!(next, '+' | '-'));
        before = next;
        !inside
    });
    end.unwrap_or(rest.len())
}

fn sign(rest: &str, first: char) -> usize {
    let long = ["->>", "||", "<=", ">=", "<>", "!=", "==", "<<", ">>", "->"];
    long.iter().find(|sign| rest.starts_with(**sign)).map_or(first.len_utf8(), |sign| sign.len())
}

#[cfg(test)]
mod tests {
    use super::{Class, tokens};

    fn texts(sql: &str) -> Vec<&str> {
        tokens(sql).unwrap().iter().map(|token| token.text).collect()
    }

    #[test]
    fn quotes_comments_and_operators_are_told_apart() {
        let sql = "a--b\n/* c */\"d\"\"e\"[f'g]`h` 'i''j' x'00' <=1.5e-3||k != 0x1F";
        let expected = [
            "a",
            "\"d\"\"e\"",
            "[f'g]",
            "`h`",
            "'i''j'",
            "x'00'",
            "<=",
            "1.5e-3",
            "||",
            "k",
            "!=",
            "0x1F",
        ];
        assert_eq!(texts(sql), expected);
    }

    #[test]
    fn names_lose_their_quotes() {
        let tokens = tokens("a \"b\"\"c\" [d] `e` 'f''g'").unwrap();
        let names: Vec<String> = tokens.iter().filter_map(super::Token::name).collect();
        assert_eq!(names, ["a", "b\"c", "d", "e", "f'g"]);
    }

    #[test]
    fn words_of_any_script_are_words() {
        let tokens = tokens("größe 表").unwrap();
        assert!(tokens.iter().all(|token| token.class == Class::Word));
        assert_eq!(tokens.len(), 2);
    }

    #[test]
    fn what_does_not_end_is_refused() {
        assert_eq!(tokens("'a"), None);
    }
}
