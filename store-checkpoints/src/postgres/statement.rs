//! Statements of fixed text that the query builder cannot express, each prepared once per
//! connection.

use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{
    Array, BigInt, Binary, Bool, Double, Integer, Jsonb, Nullable, Text, Timestamptz,
    Uuid as SqlUuid,
};
use uuid::Uuid;

use super::rows::JsonText;

/// A value of a statement.
#[derive(Debug)]
pub(in crate::postgres) enum Bind<'a> {
    BigInt(i64),
    BigInts(Vec<i64>),
    Bool(bool),
    Bools(Vec<bool>),
    Bytes(Vec<&'a [u8]>),
    Doubles(Vec<f64>),
    Instant(Option<DateTime<Utc>>),
    Int(i32),
    Ints(Vec<i32>),
    Json(JsonText<'a>),
    MaybeInt(Option<i32>),
    MaybeText(Option<&'a str>),
    MaybeUuid(Option<Uuid>),
    Text(&'a str),
    Texts(Vec<&'a str>),
    Uuid(Uuid),
    Uuids(Vec<Uuid>),
}

/// A statement with a `?` for each value, in their order; later mentions of one are `$n`. `Id` is a
/// type of its own for each text: what the connection knows it by. `A` is what it answers.
#[derive(Debug)]
pub(in crate::postgres) struct Statement<'a, Id, A> {
    text: &'static str,
    binds: Vec<Bind<'a>>,
    of: PhantomData<fn() -> (Id, A)>,
}

impl<'a, Id, A> Statement<'a, Id, A> {
    pub(in crate::postgres) fn new(text: &'static str, binds: Vec<Bind<'a>>) -> Self {
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

impl<Id, A> QueryFragment<Pg> for Statement<'_, Id, A> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        walk(self.text, &self.binds, out)
    }
}

/// A statement whose text depends on what is asked for: the connection knows it by its text.
#[derive(Debug)]
pub(in crate::postgres) struct Composed<'a, A> {
    text: String,
    binds: Vec<Bind<'a>>,
    of: PhantomData<fn() -> A>,
}

impl<'a, A> Composed<'a, A> {
    pub(in crate::postgres) fn new(text: String, binds: Vec<Bind<'a>>) -> Self {
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

impl<A> QueryFragment<Pg> for Composed<'_, A> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        walk(&self.text, &self.binds, out)
    }
}

/// Writes a text with its values.
fn walk<'b>(text: &str, binds: &'b [Bind<'_>], mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
    let mut parts = text.split('?');
    out.push_sql(parts.next().unwrap_or_default());
    for (bind, part) in binds.iter().zip(parts) {
        match bind {
            Bind::BigInt(value) => out.push_bind_param::<BigInt, _>(value)?,
            Bind::BigInts(values) => out.push_bind_param::<Array<BigInt>, _>(values)?,
            Bind::Bools(values) => out.push_bind_param::<Array<Bool>, _>(values)?,
            Bind::Bytes(values) => out.push_bind_param::<Array<Binary>, _>(values)?,
            Bind::Bool(value) => out.push_bind_param::<Bool, _>(value)?,
            Bind::Doubles(values) => out.push_bind_param::<Array<Double>, _>(values)?,
            Bind::Int(value) => out.push_bind_param::<Integer, _>(value)?,
            Bind::MaybeInt(value) => out.push_bind_param::<Nullable<Integer>, _>(value)?,
            Bind::Instant(value) => out.push_bind_param::<Nullable<Timestamptz>, _>(value)?,
            Bind::Ints(values) => out.push_bind_param::<Array<Integer>, _>(values)?,
            Bind::Json(value) => out.push_bind_param::<Jsonb, _>(value)?,
            Bind::MaybeText(value) => out.push_bind_param::<Nullable<Text>, _>(value)?,
            Bind::MaybeUuid(value) => out.push_bind_param::<Nullable<SqlUuid>, _>(value)?,
            Bind::Text(value) => out.push_bind_param::<Text, _>(value)?,
            Bind::Texts(values) => out.push_bind_param::<Array<Text>, _>(values)?,
            Bind::Uuid(value) => out.push_bind_param::<SqlUuid, _>(value)?,
            Bind::Uuids(values) => out.push_bind_param::<Array<SqlUuid>, _>(values)?,
        }
        out.push_sql(part);
    }
    Ok(())
}
