//! The dry run.

use crate::control::Control;
use crate::dry_run;
use crate::hash::TableSum;
use crate::job::Job;
use crate::model::Plan;
use crate::opened::{SourceSide, blocking};
use crate::report::{PlanReport, table_report};
use crate::{Location, Result};

/// Reads everything, converts each row for real, and writes nothing.
///
/// # Errors
/// `Refused` when the source is not what the layout says; what a database says. Values that do not
/// convert are not an error: the report has them.
pub async fn plan(job: &Job, control: &Control) -> Result<PlanReport> {
    let source = SourceSide::open(job).await?;
    let (planned, source) = source.plan(job, control).await?;
    let (report, _source) = dry_run(job, source, planned, control).await?;
    Ok(report)
}

/// Converts each row of the tables of a plan.
pub(crate) async fn dry_run(
    job: &Job,
    mut source: SourceSide,
    plan: Plan,
    control: &Control,
) -> Result<(PlanReport, SourceSide)> {
    let mut report = described(job, &plan);
    report.tables.clear();
    control.observer().phase("plan", None);
    let to_postgres = matches!(job.target, Location::Postgres(_));
    let control = control.clone();
    blocking(move || {
        for table in &plan.tables {
            let found = dry_run::table(source.opened.source(), table, to_postgres, &control)?;
            report.problem_count += found.problem_count;
            report.problems.extend(found.problems);
            report.tables.push(found.report);
        }
        if report.problem_count == 0 {
            (report.problem_count, report.problems) = std::mem::take(&mut source.problems);
        }
        Ok((report, source))
    })
    .await
}

/// Describes a plan without reading any row.
pub(super) fn described(job: &Job, plan: &Plan) -> PlanReport {
    let empty = TableSum::default();
    PlanReport {
        source: job.source.to_string(),
        target: job.target.to_string(),
        layout: job.layout,
        manifest: plan.manifest_hash(),
        tables: plan.tables.iter().map(|table| table_report(table, &empty, 0, 0)).collect(),
        problem_count: 0,
        problems: Vec::new(),
        notes: plan.notes.clone(),
        plan: plan.clone(),
    }
}
