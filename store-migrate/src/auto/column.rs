//! What a column becomes: what it was declared as, what the map says, what its values are.

use super::AutoOptions;
use super::candidate::{Candidate, Counts, Failures, KEPT};
use super::declared::{Affinity, Length, Wish, affinity, length, wish};
use super::map::ColumnMap;
use crate::catalog::sqlite::Column;
use crate::model::PgType;

/// A column while its values are read.
#[derive(Debug)]
pub(super) struct Reading {
    /// Its place in the catalogue.
    pub(super) place: usize,
    wish: Wish,
    pub(super) affinity: Affinity,
    mapped: Option<PgType>,
    inferred: Option<PgType>,
    pub(super) candidates: Vec<Candidate>,
    pub(super) counts: Counts,
    pub(super) nulls: Failures,
}

/// What a column becomes.
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) pg_type: PgType,
    pub(super) sql_type: String,
    /// Why it is not what was declared.
    pub(super) note: Option<String>,
    pub(super) failures: Failures,
}

impl Reading {
    /// Begins to read a column.
    pub(super) fn new(
        place: usize,
        column: &Column,
        strict: bool,
        map: Option<&ColumnMap>,
        options: &AutoOptions,
    ) -> Self {
        let wish = wish(&column.declared, strict);
        let mapped = map.and_then(ColumnMap::pg_type);
        let inferred = match wish {
            Wish::Type(PgType::Text) if options.infer && mapped.is_none() => by_name(&column.name),
            _ => None,
        };
        let mut candidates = match (mapped, wish, inferred) {
            (Some(pg_type), _, _) => vec![pg_type],
            (None, Wish::Type(pg_type), Some(PgType::Timestamptz)) => {
                vec![PgType::Timestamptz, PgType::Date, PgType::Timestamp, pg_type]
            }
            (None, Wish::Type(pg_type), Some(inferred)) => vec![inferred, pg_type],
            (None, Wish::Type(pg_type), None) => match pg_type {
                PgType::Timestamptz | PgType::Date => vec![pg_type, PgType::Int8],
                _ => vec![pg_type],
            },
            (None, Wish::Boolean, _) => vec![PgType::Bool, PgType::Int8],
            (None, Wish::Timestamp, _) => {
                vec![PgType::Timestamptz, PgType::Timestamp, PgType::Int8]
            }
            (None, Wish::Values, _) => {
                vec![PgType::Int8, PgType::Float8, PgType::Numeric, PgType::Text, PgType::Bytea]
            }
        }
        .into_iter()
        .map(Candidate::new)
        .collect::<Vec<_>>();
        if options.keep_lengths && mapped.is_none() {
            let length = length(&column.declared);
            for candidate in &mut candidates {
                let fits = matches!(
                    (candidate.pg_type, length),
                    (PgType::Text, Some(Length::Characters(_)))
                        | (PgType::Numeric, Some(Length::Digits(..)))
                );
                candidate.length = length.filter(|_| fits);
            }
        }
        Self {
            place,
            wish,
            affinity: affinity(&column.declared, strict),
            mapped,
            inferred,
            candidates,
            counts: Counts::default(),
            nulls: Failures::default(),
        }
    }

    /// Returns whether a blob is moved as one, whatever it holds.
    pub(super) fn takes_blobs(&self) -> bool {
        self.candidates.iter().any(|candidate| candidate.pg_type == PgType::Bytea)
    }

    /// Decides after all values were read.
    pub(super) fn decide(mut self, declared: &str) -> Decision {
        let (pg_type, note) = self.choose(declared);
        let at = self.candidates.iter().position(|candidate| candidate.pg_type == pg_type);
        // `choose` answers with one of the candidates.
        let chosen = self.candidates.swap_remove(at.unwrap_or(0));
        let sql_type = chosen.sql_type();
        let mut failures = chosen.failures;
        failures.count += self.nulls.count;
        let room = KEPT.saturating_sub(failures.kept.len());
        failures.kept.extend(self.nulls.kept.into_iter().take(room));
        Decision { pg_type, sql_type, note, failures }
    }

    fn choose(&self, declared: &str) -> (PgType, Option<String>) {
        let clean = |pg_type: PgType| {
            self.candidates.iter().any(|one| one.pg_type == pg_type && one.failures.count == 0)
        };
        let filled = self.counts.values() > 0;
        let whole = filled && self.counts.integers == self.counts.values();
        let note = |pg_type: PgType, why: &str| {
            (pg_type, Some(format!("declared {declared}, becomes {pg_type}: {why}")))
        };
        if let Some(pg_type) = self.mapped {
            return (pg_type, None);
        }
        match (self.wish, self.inferred) {
            (Wish::Type(pg_type), Some(_)) if filled => {
                let found = self.candidates.iter().find(|one| one.failures.count == 0);
                match found.map_or(pg_type, |candidate| candidate.pg_type) {
                    PgType::Text => (pg_type, None),
                    found => note(found, "inferred from its name, and all values can be read so"),
                }
            }
            (Wish::Type(PgType::Timestamptz | PgType::Date), _) | (Wish::Timestamp, _) if whole => {
                note(PgType::Int8, "all values are integers")
            }
            (Wish::Type(pg_type), _) => (pg_type, None),
            (Wish::Boolean, _) if clean(PgType::Bool) => (PgType::Bool, None),
            (Wish::Boolean, _) => note(PgType::Int8, "not every value is 0, 1 or NULL"),
            (Wish::Timestamp, _) if filled && clean(PgType::Timestamptz) => {
                note(PgType::Timestamptz, "all values have an offset")
            }
            (Wish::Timestamp, _) => (PgType::Timestamp, None),
            (Wish::Values, _) => {
                let by_values = self.counts.by_values();
                let declared_blob = by_values == PgType::Bytea && !declared.is_empty();
                match declared_blob {
                    true => (by_values, None),
                    false => (
                        by_values,
                        Some(format!(
                            "declared {}, becomes {by_values} by what its values are",
                            if declared.is_empty() { "without a type" } else { declared }
                        )),
                    ),
                }
            }
        }
    }
}

/// Returns the type the name of a column speaks for.
fn by_name(name: &str) -> Option<PgType> {
    let name = name.to_ascii_lowercase();
    if name.ends_with("_at") {
        Some(PgType::Timestamptz)
    } else if name.ends_with("_json") || name == "json" {
        Some(PgType::Jsonb)
    } else {
        None
    }
}
