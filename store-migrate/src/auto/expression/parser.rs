//! The grammar: SQLite's precedence, every step in parentheses on the other side.

use super::scalar::{boolean, column, decimal, integer, text};
use super::{Literal, Term, Translated, Type, compare, scalar};
use crate::catalog::tokens::{Class, Token};

/// How deep expressions may be nested.
const DEEPEST: u32 = 50;

pub(super) struct Parser<'a> {
    tokens: &'a [Token<'a>],
    at: usize,
    columns: &'a [Term],
    depth: u32,
}

impl<'a> Parser<'a> {
    pub(super) fn new(tokens: &'a [Token<'a>], columns: &'a [Term]) -> Self {
        Self { tokens, at: 0, columns, depth: 0 }
    }

    pub(super) fn is_done(&self) -> bool {
        self.at == self.tokens.len()
    }

    fn peek(&self, text: &str) -> bool {
        self.tokens.get(self.at).is_some_and(|token| token.is(text))
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.peek(text);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expression(&mut self) -> Option<Translated> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let mut left = self.conjunction()?;
        while self.take("OR") {
            let right = self.conjunction()?;
            left = boolean(format!("({} OR {})", scalar::truth(&left)?, scalar::truth(&right)?));
        }
        self.depth -= 1;
        Some(left)
    }

    fn conjunction(&mut self) -> Option<Translated> {
        let mut left = self.negation()?;
        while self.take("AND") {
            let right = self.negation()?;
            left = boolean(format!("({} AND {})", scalar::truth(&left)?, scalar::truth(&right)?));
        }
        Some(left)
    }

    fn negation(&mut self) -> Option<Translated> {
        let mut odd = false;
        let mut any = false;
        while self.take("NOT") {
            any = true;
            odd = !odd;
        }
        let inner = self.equality()?;
        match (any, odd) {
            (false, _) => Some(inner),
            (true, true) => Some(boolean(format!("(NOT {})", scalar::truth(&inner)?))),
            (true, false) => Some(boolean(scalar::truth(&inner)?)),
        }
    }

    fn equality(&mut self) -> Option<Translated> {
        let mut left = self.order()?;
        loop {
            left = if self.take("=") || self.take("==") {
                compare::compare(&left, "=", &self.order()?)?
            } else if self.take("<>") || self.take("!=") {
                compare::compare(&left, "<>", &self.order()?)?
            } else if self.take("IS") {
                let not = self.take("NOT");
                compare::is(&left, not, &self.order()?)?
            } else if self.take("ISNULL") {
                boolean(format!("({} IS NULL)", left.sql))
            } else if self.take("NOTNULL") {
                boolean(format!("({} IS NOT NULL)", left.sql))
            } else if self.peek("NOT")
                || self.peek("IN")
                || self.peek("BETWEEN")
                || self.peek("LIKE")
            {
                let not = self.take("NOT");
                self.membership(&left, not)?
            } else {
                return Some(left);
            };
        }
    }

    fn membership(&mut self, left: &Translated, not: bool) -> Option<Translated> {
        let found = if self.take("NULL") {
            return not.then(|| boolean(format!("({} IS NOT NULL)", left.sql)));
        } else if self.take("IN") {
            compare::one_of(left, &self.arguments()?)?
        } else if self.take("BETWEEN") {
            let low = self.order()?;
            let high = self.take("AND").then(|| self.order())??;
            let (low, high) =
                (compare::compare(left, ">=", &low)?, compare::compare(left, "<=", &high)?);
            boolean(format!("({} AND {})", low.sql, high.sql))
        } else if self.take("LIKE") {
            let pattern = self.order()?;
            if self.peek("ESCAPE") {
                return None;
            }
            compare::like(left, &pattern)?
        } else {
            return None;
        };
        Some(if not { boolean(format!("(NOT {})", found.sql)) } else { found })
    }

    fn order(&mut self) -> Option<Translated> {
        let mut left = self.product()?;
        while let Some(operator) = ["<=", ">=", "<", ">"].into_iter().find(|sign| self.take(sign)) {
            left = compare::compare(&left, operator, &self.product()?)?;
        }
        Some(left)
    }

    fn product(&mut self) -> Option<Translated> {
        let mut left = self.concatenation()?;
        while let Some(operator) = ["%", "/"].into_iter().find(|sign| self.take(sign)) {
            left = scalar::divide(&left, operator, &self.concatenation()?)?;
        }
        Some(left)
    }

    fn concatenation(&mut self) -> Option<Translated> {
        let mut left = self.value()?;
        while self.take("||") {
            left = scalar::concatenate(&left, &self.value()?)?;
        }
        Some(left)
    }

    fn value(&mut self) -> Option<Translated> {
        let token = *self.tokens.get(self.at)?;
        self.at += 1;
        match token.class {
            Class::Sign if token.is("(") => {
                let inner = self.expression()?;
                self.take(")").then_some(inner)
            }
            Class::Sign if token.is("-") => {
                let number = self.tokens.get(self.at).filter(|next| next.class == Class::Number)?;
                self.at += 1;
                number_of(&format!("-{}", number.text))
            }
            Class::Number => number_of(token.text),
            Class::String => Some(text(token.name()?)),
            Class::Word if token.is("NULL") => {
                Some(Translated::literal("NULL".to_owned(), Type::Other, Literal::Null))
            }
            Class::Word if self.peek("(") => {
                let arguments = self.arguments()?;
                scalar::call(&token.text.to_ascii_lowercase(), &arguments)
            }
            Class::Word | Class::Quoted => self.name(&token),
            _ => None,
        }
    }

    /// SQLite takes a name in double quotes for a string when no column is called so.
    fn name(&self, token: &Token<'_>) -> Option<Translated> {
        if self.peek(".") {
            return None;
        }
        let name = token.name()?;
        match self.columns.iter().find(|term| term.name.eq_ignore_ascii_case(&name)) {
            Some(term) => Some(column(term)),
            None if token.text.starts_with('"') => Some(text(name)),
            None if token.is("TRUE") => Some(integer(1)),
            None if token.is("FALSE") => Some(integer(0)),
            None => None,
        }
    }

    fn arguments(&mut self) -> Option<Vec<Translated>> {
        let mut arguments = Vec::new();
        if !self.take("(") {
            return None;
        }
        if self.take(")") {
            return Some(arguments);
        }
        loop {
            arguments.push(self.expression()?);
            if self.take(")") {
                return Some(arguments);
            }
            if !self.take(",") {
                return None;
            }
        }
    }
}

fn number_of(digits: &str) -> Option<Translated> {
    match digits.parse::<i64>() {
        Ok(value) => Some(integer(value)),
        Err(_not_whole) => decimal(digits),
    }
}
