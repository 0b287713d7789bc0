//! The parts of a `CREATE INDEX` statement as SQLite keeps it.

/// What a unique index goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parts {
    /// The indexed terms, without their direction.
    pub(super) terms: Vec<String>,
    /// The condition of a partial index.
    pub(super) condition: Option<String>,
}

/// Cuts a statement into its terms and its condition; `None` when it is not one.
pub(super) fn parts(sql: &str) -> Option<Parts> {
    let tokens = tokens(sql);
    let on = tokens.iter().position(|token| token.eq_ignore_ascii_case("on"))?;
    let open = on + tokens.get(on..)?.iter().position(|token| *token == "(")?;
    let (mut depth, mut terms, mut term) = (0_u32, Vec::new(), Vec::new());
    for (place, token) in tokens.iter().enumerate().skip(open) {
        match *token {
            "(" => depth += 1,
            ")" => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            terms.push(joined(&term));
            let condition = condition(tokens.get(place + 1..)?)?;
            return Some(Parts { terms, condition });
        }
        if depth == 1 && *token == "," {
            terms.push(joined(&term));
            term.clear();
        } else if place != open {
            term.push(*token);
        }
    }
    None
}

fn condition(rest: &[&str]) -> Option<Option<String>> {
    match rest {
        [] => Some(None),
        [first, rest @ ..] if first.eq_ignore_ascii_case("where") => Some(Some(rest.join(" "))),
        _ => None,
    }
}

fn joined(term: &[&str]) -> String {
    match term {
        [rest @ .., last]
            if last.eq_ignore_ascii_case("asc") || last.eq_ignore_ascii_case("desc") =>
        {
            rest.join(" ")
        }
        all => all.join(" "),
    }
}

/// Cuts SQL into tokens: parentheses, commas, quoted things, and what stands between. Comments are
/// left out.
fn tokens(sql: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            c if c.is_whitespace() => {
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
                continue;
            }
            '-' if rest.starts_with("--") => {
                rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
                continue;
            }
            '/' if rest.starts_with("/*") => {
                rest = rest.split_once("*/").map_or("", |(_, rest)| rest);
                continue;
            }
            '\'' | '"' | '`' => quoted(rest, first),
            '[' => rest.find(']').map_or(rest.len(), |end| end + 1),
            'x' | 'X' if rest.get(1..2) == Some("'") => {
                1 + quoted(rest.get(1..).unwrap_or_default(), '\'')
            }
            c if is_word(c) => rest.find(|c: char| !is_word(c)).unwrap_or(rest.len()),
            // Operators of two and three characters must not be torn apart.
            '|' | '<' | '>' | '=' | '!' | '-' => {
                rest.find(|c: char| !"|<>=!->".contains(c)).unwrap_or(rest.len())
            }
            c => c.len_utf8(),
        };
        let (token, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
        found.push(token);
        rest = behind;
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$' || c == '.' || !c.is_ascii()
}

/// Returns the length of a quoted thing, in which the quote is doubled.
fn quoted(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            continue;
        }
        if chars.peek().is_some_and(|(_, next)| *next == quote) {
            chars.next();
            continue;
        }
        return at + quote.len_utf8();
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(sql: &str) -> (Vec<String>, Option<String>) {
        let parts = parts(sql).unwrap();
        (parts.terms, parts.condition)
    }

    #[test]
    fn terms_and_conditions_are_found() {
        let owned = |terms: &[&str]| terms.iter().map(|term| (*term).to_owned()).collect();
        assert_eq!(
            cut("CREATE UNIQUE INDEX i ON t (a, \"b (\" COLLATE nocase DESC)"),
            (owned(&["a", "\"b (\" COLLATE nocase"]), None)
        );
        assert_eq!(
            cut(
                "CREATE UNIQUE INDEX \"on (\" ON [t on](lower(a||'x''),'), b asc) -- end\n WHERE /* , */ c <> 1 and b->>'$.k' is not null"
            ),
            (
                owned(&["lower ( a || 'x''),' )", "b"]),
                Some("c <> 1 and b ->> '$.k' is not null".to_owned())
            )
        );
        assert_eq!(cut("create unique index i on t(a) where x = x'00'").1.unwrap(), "x = x'00'");
        assert_eq!(cut("create index i on t(a-1, -b, 1.5e-3+a)").0[0], "a - 1");
        for sql in ["", "CREATE TABLE t (a)", "CREATE INDEX i ON t (a", "CREATE INDEX i ON t (a) x"]
        {
            assert_eq!(parts(sql), None, "{sql}");
        }
    }
}
