//! Canonical types of columns.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The type of a column's values, whatever the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// True or false; 1 or 0 on SQLite.
    Boolean,
    /// 64-bit integers.
    Integer,
    /// 64-bit floating point numbers, infinities included.
    Real,
    /// Exact decimal numbers of any length.
    Numeric,
    /// UTF-8 without NUL.
    Text,
    /// Bytes.
    Blob,
    /// A UUID; hyphenated text on SQLite.
    Uuid,
    /// An instant, in microseconds; text with an offset on SQLite.
    Timestamp,
    /// A date and a time without a zone, in microseconds; text on SQLite.
    LocalTimestamp,
    /// A date; text on SQLite.
    Date,
    /// JSON, numbers of any precision.
    Json,
    /// The words of a chat item, as the index of each engine wants them. They are cut anew from the
    /// content of the item, so they are neither read nor compared.
    SearchWords,
}

/// The type of a column on PostgreSQL, as far as it matters for reading and writing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PgType {
    /// `boolean`
    Bool,
    /// `smallint`
    Int2,
    /// `integer`
    Int4,
    /// `bigint`
    Int8,
    /// `double precision`
    Float8,
    /// `numeric`
    Numeric,
    /// `text`, `varchar` and `char`
    Text,
    /// `bytea`
    Bytea,
    /// `uuid`
    Uuid,
    /// `timestamp with time zone`
    Timestamptz,
    /// `timestamp without time zone`
    Timestamp,
    /// `date`
    Date,
    /// `jsonb`
    Jsonb,
    /// `json`
    Json,
    /// `tsvector`
    Tsvector,
}

impl PgType {
    /// Returns the type by the name `pg_type` has for it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "bool" => Self::Bool,
            "int2" => Self::Int2,
            "int4" => Self::Int4,
            "int8" => Self::Int8,
            "float8" => Self::Float8,
            "numeric" => Self::Numeric,
            "text" | "varchar" | "bpchar" => Self::Text,
            "bytea" => Self::Bytea,
            "uuid" => Self::Uuid,
            "timestamptz" => Self::Timestamptz,
            "timestamp" => Self::Timestamp,
            "date" => Self::Date,
            "jsonb" => Self::Jsonb,
            "json" => Self::Json,
            "tsvector" => Self::Tsvector,
            _ => return None,
        })
    }

    /// Returns the canonical type of its values.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::Bool => Kind::Boolean,
            Self::Int2 | Self::Int4 | Self::Int8 => Kind::Integer,
            Self::Float8 => Kind::Real,
            Self::Numeric => Kind::Numeric,
            Self::Text => Kind::Text,
            Self::Bytea => Kind::Blob,
            Self::Uuid => Kind::Uuid,
            Self::Timestamptz => Kind::Timestamp,
            Self::Timestamp => Kind::LocalTimestamp,
            Self::Date => Kind::Date,
            Self::Jsonb | Self::Json => Kind::Json,
            Self::Tsvector => Kind::SearchWords,
        }
    }

    /// Returns its name in SQL.
    #[must_use]
    pub const fn sql(self) -> &'static str {
        match self {
            Self::Bool => "boolean",
            Self::Int2 => "smallint",
            Self::Int4 => "integer",
            Self::Int8 => "bigint",
            Self::Float8 => "double precision",
            Self::Numeric => "numeric",
            Self::Text => "text",
            Self::Bytea => "bytea",
            Self::Uuid => "uuid",
            Self::Timestamptz => "timestamptz",
            Self::Timestamp => "timestamp",
            Self::Date => "date",
            Self::Jsonb => "jsonb",
            Self::Json => "json",
            Self::Tsvector => "tsvector",
        }
    }
}

impl fmt::Display for PgType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.sql())
    }
}
