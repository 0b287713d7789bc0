//! Statements of fixed text that the query builder cannot express, each prepared once per
//! connection.

use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use diesel::data_types::PgInterval;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{
    Array, BigInt, Integer, Interval, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use uuid::Uuid;

use crate::postgres::rows::JsonText;

/// A value of a statement.
#[derive(Debug)]
pub(in crate::postgres) enum Bind<'a> {
    BigInt(i64),
    BigInts(Vec<i64>),
    Instant(Option<DateTime<Utc>>),
    Instants(Vec<DateTime<Utc>>),
    Ints(Vec<i32>),
    Json(JsonText<'a>),
    Jsons(Vec<JsonText<'a>>),
    MaybeBigInts(Vec<Option<i64>>),
    MaybeJsons(Vec<Option<JsonText<'a>>>),
    MaybeTexts(Vec<Option<&'a str>>),
    SmallInts(Vec<i16>),
    Span(PgInterval),
    Text(&'a str),
    Texts(Vec<&'a str>),
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
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut parts = self.text.split('?');
        out.push_sql(parts.next().unwrap_or_default());
        for (bind, part) in self.binds.iter().zip(parts) {
            match bind {
                Bind::BigInt(value) => out.push_bind_param::<BigInt, _>(value)?,
                Bind::BigInts(values) => out.push_bind_param::<Array<BigInt>, _>(values)?,
                Bind::Instant(value) => out.push_bind_param::<Nullable<Timestamptz>, _>(value)?,
                Bind::Instants(values) => out.push_bind_param::<Array<Timestamptz>, _>(values)?,
                Bind::Ints(values) => out.push_bind_param::<Array<Integer>, _>(values)?,
                Bind::Json(value) => out.push_bind_param::<Jsonb, _>(value)?,
                Bind::Jsons(values) => out.push_bind_param::<Array<Jsonb>, _>(values)?,
                Bind::MaybeBigInts(values) => {
                    out.push_bind_param::<Array<Nullable<BigInt>>, _>(values)?;
                }
                Bind::MaybeJsons(values) => {
                    out.push_bind_param::<Array<Nullable<Jsonb>>, _>(values)?;
                }
                Bind::MaybeTexts(values) => {
                    out.push_bind_param::<Array<Nullable<Text>>, _>(values)?;
                }
                Bind::SmallInts(values) => out.push_bind_param::<Array<SmallInt>, _>(values)?,
                Bind::Span(value) => out.push_bind_param::<Interval, _>(value)?,
                Bind::Text(value) => out.push_bind_param::<Text, _>(value)?,
                Bind::Texts(values) => out.push_bind_param::<Array<Text>, _>(values)?,
                Bind::Uuids(values) => out.push_bind_param::<Array<SqlUuid>, _>(values)?,
            }
            out.push_sql(part);
        }
        Ok(())
    }
}
