//! Statements of fixed text that the query builder cannot express, or would prepare at each call.

use std::marker::PhantomData;

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Integer, Nullable, SmallInt, Text};
use diesel::sqlite::Sqlite;

/// A value of a statement.
#[derive(Debug)]
pub(in crate::sqlite) enum Bind<'a> {
    BigInt(i64),
    Int(i32),
    MaybeBigInt(Option<i64>),
    MaybeText(Option<&'a str>),
    SmallInt(i16),
    Text(&'a str),
    String(String),
}

/// A statement with a `?` for each value, in their order. `Id` is a type of its own for each text:
/// what the connection knows it by. `A` is what it answers.
#[derive(Debug)]
pub(in crate::sqlite) struct Statement<'a, Id, A> {
    text: &'static str,
    binds: Vec<Bind<'a>>,
    of: PhantomData<fn() -> (Id, A)>,
}

impl<'a, Id, A> Statement<'a, Id, A> {
    pub(in crate::sqlite) fn new(text: &'static str, binds: Vec<Bind<'a>>) -> Self {
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

// parity: diesel-async implements its own for every query.
impl<Id, A> RunQueryDsl<SqliteConnection> for Statement<'_, Id, A> {}

impl<Id, A> QueryFragment<Sqlite> for Statement<'_, Id, A> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let mut parts = self.text.split('?');
        out.push_sql(parts.next().unwrap_or_default());
        for (bind, part) in self.binds.iter().zip(parts) {
            match bind {
                Bind::BigInt(value) => out.push_bind_param::<BigInt, _>(value)?,
                Bind::Int(value) => out.push_bind_param::<Integer, _>(value)?,
                Bind::MaybeBigInt(value) => out.push_bind_param::<Nullable<BigInt>, _>(value)?,
                Bind::MaybeText(value) => out.push_bind_param::<Nullable<Text>, _>(value)?,
                Bind::SmallInt(value) => out.push_bind_param::<SmallInt, _>(value)?,
                Bind::Text(value) => out.push_bind_param::<Text, _>(value)?,
                Bind::String(value) => out.push_bind_param::<Text, _>(value)?,
            }
            out.push_sql(part);
        }
        Ok(())
    }
}
