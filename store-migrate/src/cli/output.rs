//! Reports: text for people, JSON for programs.

use std::io::{Write as _, stderr, stdout};
use std::process::ExitCode;

use super::sync_output::sync_status;
use crate::model::Note;
use crate::{
    Difference, Error, ExportReport, MigrationStatus, PlanReport, RunReport, SchemaReport,
    TableReport, Validation,
};
use serde::Serialize;

/// Where reports go.
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Reports a failure and returns its exit code.
    pub(super) fn failed(&self, error: &Error) -> ExitCode {
        if let Error::Unconvertible(report) = error {
            self.plan(report);
        } else if self.json {
            self.show(&serde_json::json!({"error": error.to_string()}), String::new);
        }
        let _closed = writeln!(stderr(), "error: {error}");
        ExitCode::from(error.exit_code())
    }

    pub(super) fn plan(&self, report: &PlanReport) {
        self.show(report, || plan(report));
    }

    pub(super) fn run(&self, report: &RunReport) {
        self.show(report, || {
            let mut text = notes(&report.plan.notes);
            for (phase, seconds) in &report.durations {
                text += &format!("{phase}: {seconds:.1} s\n");
            }
            if report.quarantined > 0 {
                text += &format!(
                    "{} row(s) were set aside, into _migrate_quarantine of the target\n",
                    report.quarantined
                );
            }
            for name in &report.not_valid {
                text += &format!("foreign key {name} is NOT VALID: rows of the source break it\n");
            }
            text + &validation(&report.validation)
        });
    }

    pub(super) fn exported(&self, report: &ExportReport) {
        self.show(report, || {
            let mut text = tables(&report.tables) + &notes(&report.notes);
            text += &format!("archive {}\nroot    {}\n", report.archive, report.root);
            text + &format!(
                "{} file(s), {} bytes in {}, in {:.1} s\n",
                report.files, report.bytes, report.directory, report.seconds
            )
        });
    }

    pub(super) fn validation(&self, report: &Validation) {
        self.show(report, || validation(report));
    }

    pub(super) fn converted(&self, report: &crate::orcheo::ConvertReport) {
        self.show(report, || super::convert::text(report));
    }

    pub(super) fn schemas(&self, reports: &[SchemaReport]) {
        self.show(&reports, || reports.iter().map(schema).collect());
    }

    pub(super) fn status(&self, found: &[MigrationStatus]) {
        self.show(&found, || {
            if found.is_empty() {
                return "no migration into this database\n".to_owned();
            }
            found.iter().map(status).collect()
        });
    }

    pub(super) fn cleaned(&self, removed: &[String]) {
        self.show(&removed, || match removed {
            [] => "nothing to remove\n".to_owned(),
            removed => format!("removed: {}\n", removed.join(", ")),
        });
    }

    pub(super) fn show(&self, report: &impl Serialize, text: impl FnOnce() -> String) {
        let text = if self.json {
            // Numbers, text and lists always have a JSON form.
            serde_json::to_string_pretty(report).unwrap_or_default() + "\n"
        } else {
            text()
        };
        let _closed = stdout().write_all(text.as_bytes());
    }
}

fn plan(report: &PlanReport) -> String {
    let mut text =
        format!("from {}\nto   {}\nmanifest {}\n\n", report.source, report.target, report.manifest);
    text += &tables(&report.tables);
    text += &notes(&report.notes);
    for problem in &report.problems {
        text += &format!(
            "cannot convert: {} {}, column {} ({}): {}\n",
            problem.table, problem.key, problem.column, problem.target_type, problem.reason
        );
    }
    let listed = u64::try_from(report.problems.len()).unwrap_or(u64::MAX);
    if report.problem_count > listed {
        text += &format!("… and {} more\n", report.problem_count - listed);
    }
    match report.problem_count {
        0 => text + "every value converts\n",
        count => text + &format!("{count} value(s) do not convert\n"),
    }
}

fn tables(tables: &[TableReport]) -> String {
    let width = tables.iter().map(|table| table.name.chars().count()).max().unwrap_or(5).max(5);
    let mut text = format!("{:width$} {:>12} {:>14}  hash\n", "table", "rows", "bytes");
    for table in tables {
        let hash = table.hash.get(..16).unwrap_or_default();
        text += &format!("{:width$} {:>12} {:>14}  {hash}\n", table.name, table.rows, table.bytes);
    }
    text + "\n"
}

fn notes(notes: &[Note]) -> String {
    let mut text = String::new();
    for note in notes {
        text += &format!("note: {}: {}\n", note.about, note.message);
        if let Some(sql) = &note.sql {
            text += &format!("      {sql}\n");
        }
    }
    text
}

pub(super) fn validation(report: &Validation) -> String {
    let mut text = tables(&report.tables);
    text += &format!("source {}\ntarget {}\n", report.source_root, report.target_root);
    for difference in &report.differences {
        text += &show_difference(difference);
    }
    match report.difference_count {
        0 => text + &format!("equal: every row was compared, in {:.1} s\n", report.seconds),
        count => text + &format!("{count} difference(s) at least\n"),
    }
}

pub(super) fn show_difference(difference: &Difference) -> String {
    let mut text = format!("differs: {}", difference.table);
    if !difference.key.is_empty() {
        text += &format!(" {}", difference.key);
    }
    if !difference.columns.is_empty() {
        text += &format!(", column {}", difference.columns.join(", "));
    }
    text + &format!(": {}\n", difference.what)
}

fn schema(one: &SchemaReport) -> String {
    let what = match (&one.applied[..], &one.pending[..]) {
        ([], []) => "up to date".to_owned(),
        (applied, []) => format!("applied {}", applied.join(", ")),
        (_, pending) => format!("pending {}", pending.join(", ")),
    };
    format!("{} ({}): {what}\n", one.store, one.backend)
}

fn status(one: &MigrationStatus) -> String {
    let mut text =
        format!("migration {}: {} ({})\n  from {}\n", one.id, one.phase, one.layout, one.source);
    for table in &one.tables {
        let state = if table.complete { "complete" } else { "unfinished" };
        text += &format!("  {}: {} rows, {state}\n", table.name, table.rows);
    }
    if let Some(sync) = &one.sync {
        text += &sync_status(sync);
    }
    if one.pending > 0 {
        text += &format!("  {} index(es) or constraint(s) still to be built\n", one.pending);
    }
    text
}
