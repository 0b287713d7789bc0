//! Statements of fixed text that the query builder cannot express, each prepared once per
//! connection.

use std::io::Write as _;
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use diesel::data_types::PgInterval;
use diesel::expression::AsExpression;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{
    Array, BigInt, Binary, Bool, Double, Integer, Interval, Jsonb, Nullable, SmallInt, SqlType,
    Text, Timestamptz, Uuid as SqlUuid,
};
use uuid::Uuid;

/// JSON text that was admitted, in the form JSONB has on the wire: a version and the text.
#[derive(Debug, Clone, Copy, AsExpression)]
#[diesel(sql_type = Jsonb)]
pub struct JsonText<'a>(pub &'a str);

impl ToSql<Jsonb, Pg> for JsonText<'_> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[1])?;
        out.write_all(self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}

/// The SQL type of words and their places.
#[derive(Debug, Clone, Copy, SqlType, QueryId)]
#[diesel(postgres_type(oid = 3614, array_oid = 3643))]
pub struct SqlTsVector;

/// Words and their places, in the form a `tsvector` has on the wire.
///
/// That is: how many words (four bytes); of each, in ascending order, the bytes and a NUL, how many
/// places (two bytes) and those (two bytes each). The server takes it several times quicker than text.
#[derive(Debug, Clone, Copy, AsExpression)]
#[diesel(sql_type = SqlTsVector)]
pub struct TsVector<'a>(pub &'a [u8]);

impl ToSql<SqlTsVector, Pg> for TsVector<'_> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(self.0)?;
        Ok(IsNull::No)
    }
}

/// A value of a statement, called by what it holds: one, several, or perhaps none.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names are those of SQL types")]
pub enum Bind<'a> {
    BigInt(i64),
    BigInts(Vec<i64>),
    Binary(&'a [u8]),
    Bool(bool),
    Bools(Vec<bool>),
    Bytes(Vec<&'a [u8]>),
    Doubles(Vec<f64>),
    Instant(Option<DateTime<Utc>>),
    Instants(Vec<DateTime<Utc>>),
    Int(i32),
    Ints(Vec<i32>),
    Json(JsonText<'a>),
    Jsons(Vec<JsonText<'a>>),
    MaybeBigInt(Option<i64>),
    MaybeBigInts(Vec<Option<i64>>),
    MaybeInt(Option<i32>),
    MaybeJson(Option<JsonText<'a>>),
    MaybeJsons(Vec<Option<JsonText<'a>>>),
    MaybeText(Option<&'a str>),
    MaybeTexts(Vec<Option<&'a str>>),
    MaybeUuid(Option<Uuid>),
    SmallInts(Vec<i16>),
    Span(PgInterval),
    Text(&'a str),
    Texts(Vec<&'a str>),
    Words(TsVector<'a>),
    WordsOfEach(Vec<TsVector<'a>>),
    Uuid(Uuid),
    Uuids(Vec<Uuid>),
}

/// A statement with a `?` for each value, in their order; later mentions of one are `$n`. `Id` is a
/// type of its own for each text: what the connection knows it by. `A` is what it answers.
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

impl<Id, A> QueryFragment<Pg> for Statement<'_, Id, A> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
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
            Bind::BigInts(value) => out.push_bind_param::<Array<BigInt>, _>(value)?,
            Bind::Binary(value) => out.push_bind_param::<Binary, _>(value)?,
            Bind::Bool(value) => out.push_bind_param::<Bool, _>(value)?,
            Bind::Bools(value) => out.push_bind_param::<Array<Bool>, _>(value)?,
            Bind::Bytes(value) => out.push_bind_param::<Array<Binary>, _>(value)?,
            Bind::Doubles(value) => out.push_bind_param::<Array<Double>, _>(value)?,
            Bind::Instant(value) => out.push_bind_param::<Nullable<Timestamptz>, _>(value)?,
            Bind::Instants(value) => out.push_bind_param::<Array<Timestamptz>, _>(value)?,
            Bind::Int(value) => out.push_bind_param::<Integer, _>(value)?,
            Bind::Ints(value) => out.push_bind_param::<Array<Integer>, _>(value)?,
            Bind::Json(value) => out.push_bind_param::<Jsonb, _>(value)?,
            Bind::Jsons(value) => out.push_bind_param::<Array<Jsonb>, _>(value)?,
            Bind::MaybeBigInt(value) => out.push_bind_param::<Nullable<BigInt>, _>(value)?,
            Bind::MaybeBigInts(value) => {
                out.push_bind_param::<Array<Nullable<BigInt>>, _>(value)?
            }
            Bind::MaybeInt(value) => out.push_bind_param::<Nullable<Integer>, _>(value)?,
            Bind::MaybeJson(value) => out.push_bind_param::<Nullable<Jsonb>, _>(value)?,
            Bind::MaybeJsons(value) => out.push_bind_param::<Array<Nullable<Jsonb>>, _>(value)?,
            Bind::MaybeText(value) => out.push_bind_param::<Nullable<Text>, _>(value)?,
            Bind::MaybeTexts(value) => out.push_bind_param::<Array<Nullable<Text>>, _>(value)?,
            Bind::MaybeUuid(value) => out.push_bind_param::<Nullable<SqlUuid>, _>(value)?,
            Bind::SmallInts(value) => out.push_bind_param::<Array<SmallInt>, _>(value)?,
            Bind::Span(value) => out.push_bind_param::<Interval, _>(value)?,
            Bind::Text(value) => out.push_bind_param::<Text, _>(value)?,
            Bind::Texts(value) => out.push_bind_param::<Array<Text>, _>(value)?,
            Bind::Words(value) => out.push_bind_param::<SqlTsVector, _>(value)?,
            Bind::WordsOfEach(value) => out.push_bind_param::<Array<SqlTsVector>, _>(value)?,
            Bind::Uuid(value) => out.push_bind_param::<SqlUuid, _>(value)?,
            Bind::Uuids(value) => out.push_bind_param::<Array<SqlUuid>, _>(value)?,
        }
        out.push_sql(part);
    }
    Ok(())
}
