//! Statements of fixed text that the query builder cannot express, or would prepare at each call.

use std::marker::PhantomData;

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Binary, Bool, Double, Integer, Nullable, SmallInt, Text};
use diesel::sqlite::Sqlite;

/// A value of a statement, called by what it holds: one, or perhaps none.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names are those of SQL types")]
pub enum Bind<'a> {
    BigInt(i64),
    Bool(bool),
    Bytes(&'a [u8]),
    Double(f64),
    Int(i32),
    MaybeBigInt(Option<i64>),
    MaybeInt(Option<i32>),
    MaybeString(Option<String>),
    MaybeText(Option<&'a str>),
    SmallInt(i16),
    String(String),
    Text(&'a str),
}

/// A statement with a `?` for each value, in their order. `Id` is a type of its own for each text:
/// what the connection knows it by. `A` is what it answers.
#[derive(Debug)]
pub struct Statement<'a, Id, A> {
    text: &'static str,
    binds: Vec<Bind<'a>>,
    of: PhantomData<fn() -> (Id, A)>,
}

impl<'a, Id, A> Statement<'a, Id, A> {
    /// Makes a statement.
    #[must_use]
    pub fn new(text: &'static str, binds: Vec<Bind<'a>>) -> Self {
        Self { text, binds, of: PhantomData }
    }
}

impl<Id: 'static, A> QueryId for Statement<'_, Id, A> {
    type QueryId = Id;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<Id, A> Query for Statement<'_, Id, A> {
    type SqlType = A;
}

impl<Id, A> RunQueryDsl<SqliteConnection> for Statement<'_, Id, A> {}

impl<Id, A> QueryFragment<Sqlite> for Statement<'_, Id, A> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        walk(self.text, &self.binds, out)
    }
}

/// A statement whose text depends on what is asked for: the connection knows it by its text.
#[derive(Debug)]
pub struct Composed<'a, A> {
    text: String,
    binds: Vec<Bind<'a>>,
    of: PhantomData<fn() -> A>,
}

impl<'a, A> Composed<'a, A> {
    /// Makes a statement.
    #[must_use]
    pub fn new(text: String, binds: Vec<Bind<'a>>) -> Self {
        Self { text, binds, of: PhantomData }
    }
}

impl<A> QueryId for Composed<'_, A> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<A> Query for Composed<'_, A> {
    type SqlType = A;
}

impl<A> RunQueryDsl<SqliteConnection> for Composed<'_, A> {}

impl<A> QueryFragment<Sqlite> for Composed<'_, A> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        walk(&self.text, &self.binds, out)
    }
}

/// Writes a text with its values.
fn walk<'b>(
    text: &str,
    binds: &'b [Bind<'_>],
    mut out: AstPass<'_, 'b, Sqlite>,
) -> QueryResult<()> {
    let mut parts = text.split('?');
    out.push_sql(parts.next().unwrap_or_default());
    for (bind, part) in binds.iter().zip(parts) {
        match bind {
            Bind::BigInt(value) => out.push_bind_param::<BigInt, _>(value)?,
            Bind::Bool(value) => out.push_bind_param::<Bool, _>(value)?,
            Bind::Bytes(value) => out.push_bind_param::<Binary, _>(value)?,
            Bind::Double(value) => out.push_bind_param::<Double, _>(value)?,
            Bind::Int(value) => out.push_bind_param::<Integer, _>(value)?,
            Bind::MaybeBigInt(value) => out.push_bind_param::<Nullable<BigInt>, _>(value)?,
            Bind::MaybeInt(value) => out.push_bind_param::<Nullable<Integer>, _>(value)?,
            Bind::MaybeString(value) => out.push_bind_param::<Nullable<Text>, _>(value)?,
            Bind::MaybeText(value) => out.push_bind_param::<Nullable<Text>, _>(value)?,
            Bind::SmallInt(value) => out.push_bind_param::<SmallInt, _>(value)?,
            Bind::String(value) => out.push_bind_param::<Text, _>(value)?,
            Bind::Text(value) => out.push_bind_param::<Text, _>(value)?,
        }
        out.push_sql(part);
    }
    Ok(())
}
