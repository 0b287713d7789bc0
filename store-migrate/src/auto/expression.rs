//! Expressions of SQLite that certainly mean the same on PostgreSQL.
//!
//! An expression is translated only when every part of it gives the same result for every value the
//! columns can hold. Anything else gives `None`: it is left out and reported, never guessed. That is
//! why sums are not translated (SQLite goes on in floating point where PostgreSQL fails), nor
//! comparisons of different types (SQLite converts by affinity).

mod compare;
mod parser;
mod scalar;

use super::declared::Affinity;
use crate::catalog::tokens::tokens;
use crate::model::PgType;
use parser::Parser;

/// What an expression is, on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Boolean,
    Integer,
    Real,
    Numeric,
    Text,
    Json,
    /// Something that can only be asked for NULL.
    Other,
}

/// A column an expression may name.
#[derive(Debug, Clone)]
pub(super) struct Term {
    /// Its name on SQLite.
    pub(super) name: String,
    /// Its quoted name on PostgreSQL.
    pub(super) sql: String,
    pub(super) class: Type,
    /// Its text is compared byte by byte.
    pub(super) binary: bool,
}

/// A translated expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Translated {
    pub(super) sql: String,
    pub(super) class: Type,
    /// What it is if it is written out.
    literal: Option<Literal>,
    binary: bool,
}

/// A value that is written out.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Literal {
    Integer(i64),
    Decimal,
    Text(String),
    Null,
}

/// Returns what a column is in expressions.
///
/// SQLite compares by the affinity the column was declared with, so a column whose type on
/// PostgreSQL is of another sort can only be asked for NULL.
pub(super) fn class(pg_type: PgType, affinity: Affinity) -> Type {
    let text = affinity == Affinity::Text;
    match pg_type {
        PgType::Bool if !text => Type::Boolean,
        PgType::Int2 | PgType::Int4 | PgType::Int8 if !text => Type::Integer,
        PgType::Float8 if !text => Type::Real,
        PgType::Numeric if !text => Type::Numeric,
        PgType::Text if text || affinity == Affinity::Blob => Type::Text,
        PgType::Jsonb | PgType::Json => Type::Json,
        _ => Type::Other,
    }
}

/// Translates a condition, of a `CHECK` or a partial index.
pub(super) fn condition(sql: &str, columns: &[Term]) -> Option<String> {
    let translated = translate(sql, columns)?;
    scalar::truth(&translated)
}

/// Translates an expression, of a generated column or an index.
pub(super) fn scalar(sql: &str, columns: &[Term]) -> Option<Translated> {
    let translated = translate(sql, columns)?;
    let bare = matches!(translated.class, Type::Json | Type::Other) || translated.literal.is_some();
    (!bare).then_some(translated)
}

fn translate(sql: &str, columns: &[Term]) -> Option<Translated> {
    let tokens = tokens(sql)?;
    let mut parser = Parser::new(&tokens, columns);
    let translated = parser.expression()?;
    parser.is_done().then_some(translated)
}

impl Translated {
    fn new(sql: String, class: Type) -> Self {
        Self { sql, class, literal: None, binary: true }
    }

    fn literal(sql: String, class: Type, literal: Literal) -> Self {
        Self { literal: Some(literal), ..Self::new(sql, class) }
    }

    fn is_null(&self) -> bool {
        self.literal == Some(Literal::Null)
    }
}

#[cfg(test)]
mod tests;
