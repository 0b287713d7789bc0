//! Reading tables in one snapshot.

use std::pin::pin;

use futures_util::StreamExt as _;
use tokio::runtime::Handle;
use tokio_postgres::Client;
use tokio_postgres::binary_copy::{BinaryCopyOutRow, BinaryCopyOutStream};
use tokio_postgres::types::{FromSql, Type};

use super::{connect, quote};
use crate::error::postgres;
use crate::model::{Kind, PgType, Table};
use crate::scan::{From, LARGE_BYTES, Origin, Row, Source, Visit};
use crate::value::{Value, decode};
use crate::{Error, Location, Result};

/// How many bytes of a large blob are read at once. Of a value that is compressed the server
/// unpacks all that stands before a piece, so they are few; three of them fit into memory.
const PIECE_BYTES: usize = 8 << 20;

/// A database in one repeatable-read transaction.
///
/// It is read from a thread that may block, as SQLite is.
pub(crate) struct Snapshot {
    client: Client,
    /// A second connection with the same snapshot: large blobs are read while the first is in the
    /// middle of a table.
    beside: Client,
    handle: Handle,
}

impl Snapshot {
    /// Begins the transaction.
    pub(crate) async fn begin(location: &Location) -> Result<Self> {
        let doing = || "beginning to read the source";
        let (client, beside) = (connect(location).await?, connect(location).await?);
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        client.batch_execute(begin).await.map_err(postgres(doing()))?;
        let row = client
            .query_one("SELECT pg_export_snapshot()", &[])
            .await
            .map_err(postgres(doing()))?;
        let snapshot: String = row.get(0);
        let adopt = format!("{begin}; SET TRANSACTION SNAPSHOT '{snapshot}'");
        beside.batch_execute(&adopt).await.map_err(postgres(doing()))?;
        Ok(Self { client, beside, handle: Handle::current() })
    }

    /// Returns the connection, for what is read beside rows.
    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }
}

impl Source for Snapshot {
    fn scan(&mut self, table: &Table, from: From<'_>, visit: &mut Visit<'_>) -> Result<()> {
        let doing = || format!("reading table {}", table.postgres);
        let query = Query::of(table, from)?;
        let stream =
            self.handle.block_on(self.client.copy_out(&query.sql)).map_err(postgres(doing()))?;
        // Every field is taken as the bytes it is.
        let types = vec![Type::BYTEA; query.fields];
        let mut rows = pin!(BinaryCopyOutStream::new(stream, &types));
        while let Some(row) = self.handle.block_on(rows.next()) {
            let row = row.map_err(postgres(doing()))?;
            let sent = Sent { snapshot: self, table, query: &query, row };
            visit(sent.row()?)?;
        }
        Ok(())
    }
}

/// A field as the bytes it is.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(
        _type: &Type,
        raw: &'a [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_type: &Type) -> bool {
        true
    }
}

/// The statement that reads a table, and where its columns stand in the result.
struct Query {
    sql: String,
    fields: usize,
    /// For each column its place, and that of its length when it may be a large blob.
    places: Vec<(usize, Option<usize>)>,
    /// Where the row is on disk, for reading large blobs.
    ctid: Option<usize>,
    /// Where the values of the key are, as text.
    key: Vec<usize>,
}

impl Query {
    fn of(table: &Table, from: From<'_>) -> Result<Self> {
        let mut selected = Vec::new();
        let mut places = Vec::with_capacity(table.columns.len());
        let mut blobs = false;
        for column in &table.columns {
            // With the table's alias: output columns have the same names.
            let name = format!("r.{}", quote(&column.postgres));
            let place = selected.len();
            match column.kind {
                Kind::SearchWords => {
                    places.push((place, None));
                    selected.push("NULL::text".to_owned());
                }
                Kind::Blob => {
                    blobs = true;
                    places.push((place, Some(place + 1)));
                    let large = format!("octet_length({name}) > {LARGE_BYTES}");
                    selected.push(format!("CASE WHEN {large} THEN NULL ELSE {name} END"));
                    selected.push(format!("CASE WHEN {large} THEN octet_length({name})::int8 END"));
                }
                _ => {
                    places.push((place, None));
                    selected.push(name);
                }
            }
        }
        let ctid = blobs.then(|| {
            selected.push("r.ctid::text".to_owned());
            selected.len() - 1
        });
        let columns: Vec<_> =
            table.key.iter().filter_map(|place| table.columns.get(*place)).collect();
        let names: Vec<_> =
            columns.iter().map(|column| format!("r.{}", quote(&column.postgres))).collect();
        let mut key = Vec::new();
        if matches!(from, From::Start | From::Behind(_)) {
            for name in &names {
                key.push(selected.len());
                selected.push(format!("{name}::text"));
            }
        }
        let fields = selected.len();
        let mut sql =
            format!("SELECT {} FROM {} AS r", selected.join(", "), quote(&table.postgres));
        if let From::Behind(text) = from {
            let types = columns.iter().map(|column| column.pg_type);
            let values = behind(text, types)?;
            sql = format!("{sql} WHERE ({}) > ({values})", names.join(", "));
        }
        if let From::Changed(place, _) = from {
            let recorded: Vec<_> = columns.iter().map(|column| quote(&column.postgres)).collect();
            sql = format!(
                "{sql} WHERE ({}) IN (SELECT {} FROM {})",
                names.join(", "),
                recorded.join(", "),
                keys_table(place)
            );
        }
        if !key.is_empty() {
            sql = format!("{sql} ORDER BY {}", names.join(", "));
        }
        let sql = format!("COPY ({sql}) TO STDOUT (FORMAT binary)");
        Ok(Self { sql, fields, places, ctid, key })
    }
}

/// Names the table of the changed keys of a table, which stands at this place in the plan.
pub(crate) fn keys_table(place: usize) -> String {
    format!("_migrate_keys_{place}")
}

/// Returns the values of a position as SQL.
fn behind(position: &str, types: impl ExactSizeIterator<Item = PgType>) -> Result<String> {
    let broken = || Error::refused(format!("`{position}` is not a position of a migration"));
    let texts: Vec<String> = serde_json::from_str(position).map_err(|_error| broken())?;
    if texts.len() != types.len() || texts.is_empty() {
        return Err(broken());
    }
    let literals = texts.iter().zip(types).map(|(text, pg_type)| {
        let escaped = text.replace('\\', "\\\\").replace('\'', "''");
        format!("E'{escaped}'::{pg_type}")
    });
    Ok(literals.collect::<Vec<_>>().join(", "))
}

/// A row as it was sent.
struct Sent<'s> {
    snapshot: &'s Snapshot,
    table: &'s Table,
    query: &'s Query,
    row: BinaryCopyOutRow,
}

impl Sent<'_> {
    fn row(&self) -> Result<Row<'_>> {
        let mut values = Vec::with_capacity(self.table.columns.len());
        for (column, (place, length)) in self.table.columns.iter().zip(&self.query.places) {
            if let Some(length) = length
                && let Some(bytes) = self.field(*length)?
                && let Ok(bytes) = <[u8; 8]>::try_from(bytes)
            {
                values.push(Ok(Value::LargeBlob(u64::from_be_bytes(bytes))));
                continue;
            }
            values.push(decode(column.pg_type, self.field(*place)?));
        }
        Ok(Row { values, rowid: None, origin: self })
    }

    fn field(&self, place: usize) -> Result<Option<&[u8]>> {
        let field: Option<Raw<'_>> = self
            .row
            .try_get(place)
            .map_err(postgres(format!("reading table {}", self.table.postgres)))?;
        Ok(field.map(|raw| raw.0))
    }

    fn text(&self, place: usize) -> Result<String> {
        // Neither a key nor the place of a row is ever NULL.
        let bytes = self.field(place)?.ok_or_else(|| {
            Error::refused(format!("the server sent no key of table {}", self.table.postgres))
        })?;
        String::from_utf8(bytes.to_vec())
            .map_err(|_invalid| Error::refused("the server sent text that is not UTF-8"))
    }
}

impl Origin for Sent<'_> {
    fn large(
        &self,
        column: usize,
        _rowid: Option<i64>,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let (Some(column), Some(ctid)) = (self.table.columns.get(column), self.query.ctid) else {
            return Err(Error::refused("a large blob of a column that is not there"));
        };
        let doing = || format!("reading a large blob of table {}", self.table.postgres);
        let (name, ctid) = (quote(&column.postgres), self.text(ctid)?);
        let sql = format!(
            "SELECT substring({name} FROM $1 FOR {PIECE_BYTES}) FROM {} WHERE ctid = '{ctid}'",
            quote(&self.table.postgres)
        );
        let client = &self.snapshot.beside;
        let mut from = 1_i32;
        loop {
            let row = self
                .snapshot
                .handle
                .block_on(client.query_one(&sql, &[&from]))
                .map_err(postgres(doing()))?;
            let piece: &[u8] = row.get(0);
            if piece.is_empty() {
                return Ok(());
            }
            take(piece)?;
            from += i32::try_from(piece.len()).unwrap_or(i32::MAX);
        }
    }

    fn position(&self) -> Result<String> {
        let texts: Result<Vec<_>> = self.query.key.iter().map(|place| self.text(*place)).collect();
        Ok(serde_json::Value::from(texts?).to_string())
    }

    fn raw(&self, column: usize) -> Result<(String, Vec<u8>)> {
        let (place, _) = self.query.places.get(column).copied().unwrap_or((column, None));
        let bytes = self.field(place)?.unwrap_or_default().to_vec();
        let name = self.table.columns.get(column).map_or("", |column| column.pg_type.sql());
        Ok((name.to_owned(), bytes))
    }
}
