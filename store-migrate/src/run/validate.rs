//! Comparing source and target.

use std::time::Instant;

use super::around::around;
use crate::control::Control;
use crate::hash::root;
use crate::job::Job;
use crate::opened::{Opened, SourceSide, blocking};
use crate::report::{Difference, Validation, table_report};
use crate::scan::From;
use crate::state::{Copied, Migration};
use crate::validate::table;
use crate::{Result, postgres, sqlite};

/// Compares every row of both databases, and what stands around the rows.
///
/// # Errors
/// `Refused` when one of them is not what the layout says; what a database says. Differences are not
/// an error: the report has them.
pub async fn validate(job: &Job, control: &Control) -> Result<Validation> {
    let mut source = SourceSide::open(job).await?;
    let begun = super::begun(job, &source).await?;
    let migration = match begun {
        Some(migration) => migration,
        // What was moved by other means is compared as well.
        None => {
            let (plan, read) = source.plan(job, control).await?;
            source = read;
            Migration {
                id: String::new(),
                source: source.identity.clone(),
                target: String::new(),
                layout: job.layout,
                plan,
                phase: crate::state::Phase::Loaded,
            }
        }
    };
    let (validation, _quarantined, _source) = compare(job, source, &migration, control).await?;
    Ok(validation)
}

/// Compares a source that is open with the target of a migration.
pub(crate) async fn compare(
    job: &Job,
    mut source: SourceSide,
    migration: &Migration,
    control: &Control,
) -> Result<(Validation, u64, SourceSide)> {
    let started = Instant::now();
    control.observer().phase("validate", None);
    let target = Opened::begin(&job.target, false).await?;
    let (copied, target) = copied(target, migration).await?;
    let (around, mut target) = around(target, migration).await?;
    let (plan, watching) = (migration.plan.clone(), control.clone());
    let stated = match &source.opened {
        Opened::Archive(archive) => Some(archive.root().to_owned()),
        Opened::Sqlite(_) | Opened::Postgres(_) => None,
    };
    let mut validation = blank(job);
    let (validation, source) = blocking(move || {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for (place, (one, copied)) in plan.tables.iter().zip(copied).enumerate() {
            let (from, aside) = (source.opened.source(), copied.quarantined);
            let beside = (aside, plan.kept.get(place).copied().unwrap_or_default());
            let outcome = table(from, target.source(), one, From::Anywhere, beside, &watching)?;
            let sums = &outcome.source;
            validation.tables.push(table_report(one, &sums.total, sums.bytes, aside));
            validation.difference_count += outcome.count;
            validation.differences.extend(outcome.differences);
            ours.push((one.sqlite.as_str(), outcome.source.total));
            theirs.push((one.sqlite.as_str(), outcome.target.total));
        }
        validation.source_root = root(ours);
        validation.target_root = root(theirs);
        Ok((validation, source))
    })
    .await?;
    let aside = validation.tables.iter().map(|table| table.quarantined).sum();
    let mut validation = validation;
    if aside == 0 && stated.is_some_and(|root| root != validation.source_root) {
        validation.difference_count += 1;
        validation.differences.push(Difference {
            table: "archive".to_owned(),
            key: String::new(),
            columns: Vec::new(),
            what: "has other rows than its manifest states".to_owned(),
        });
    }
    validation.difference_count += u64::try_from(around.len()).unwrap_or(u64::MAX);
    validation.differences.extend(around);
    validation.seconds = started.elapsed().as_secs_f64();
    Ok((validation, aside, source))
}

fn blank(job: &Job) -> Validation {
    Validation {
        source: job.source.to_string(),
        target: job.target.to_string(),
        tables: Vec::new(),
        source_root: String::new(),
        target_root: String::new(),
        difference_count: 0,
        differences: Vec::new(),
        seconds: 0.0,
    }
}

/// Returns what was noted of each table when it was copied.
async fn copied(target: Opened, migration: &Migration) -> Result<(Vec<Copied>, Opened)> {
    let mut noted = Vec::with_capacity(migration.plan.tables.len());
    for table in &migration.plan.tables {
        noted.push(match &target {
            _ if migration.id.is_empty() => Copied::default(),
            Opened::Postgres(snapshot) => {
                postgres::State::copied(snapshot.client(), &migration.id, &table.sqlite).await?
            }
            Opened::Archive(_) => Copied::default(),
            Opened::Sqlite(snapshot) => {
                sqlite::State::copied(snapshot.conn(), &migration.id, &table.sqlite)?
            }
        });
    }
    Ok((noted, target))
}
