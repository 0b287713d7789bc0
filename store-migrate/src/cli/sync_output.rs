//! Reports of `sync` and `cutover`.

use super::output::{Output, show_difference, validation};
use crate::{CutoverReport, Difference, SyncReport, SyncStatus};

impl Output {
    pub(super) fn sync(&self, report: &SyncReport) {
        self.show(report, || sync(report));
    }

    pub(super) fn cutover(&self, report: &CutoverReport) {
        self.show(report, || cutover(report));
    }
}

fn sync(report: &SyncReport) -> String {
    let mut text = String::new();
    for (number, round) in (1_u32..).zip(&report.rounds) {
        text += &format!(
            "round {number}: {} row(s) written in {:.1} s, {} change(s) came meanwhile",
            round.rows, round.seconds, round.pending
        );
        if !round.tables.is_empty() {
            text += &format!(" ({})", round.tables.join(", "));
        }
        text += "\n";
    }
    text += &differences(&report.differences);
    match report.difference_count {
        0 => text + &format!("{} change(s) wait in the source\n", report.pending),
        count => text + &format!("{count} difference(s) at least\n"),
    }
}

fn cutover(report: &CutoverReport) -> String {
    let mut text = sync(&report.sync);
    if let Some(found) = &report.validation {
        text += &validation(found);
    }
    text += &differences(&report.differences);
    if !report.done {
        return text + "not switched: the source is what it was, and its changes are captured\n";
    }
    text += &format!("writes were stopped for {:.2} s\n", report.seconds_without_writes);
    text += if report.retired {
        "the source refuses every write now; `store-migrate clean --from` ends that\n"
    } else {
        "the source captures changes no more: what is written to it now is not moved\n"
    };
    text += "settings of the application (the password is not shown):\n";
    for (name, value) in &report.settings {
        text += &format!("  {name}={value}\n");
    }
    text
}

fn differences(differences: &[Difference]) -> String {
    differences.iter().map(show_difference).collect()
}

/// Shows how far the changes of a source are applied.
pub(super) fn sync_status(status: &SyncStatus) -> String {
    let waiting = match status.pending {
        Some(count) => format!("{count} change(s) wait in the source"),
        None => "nothing is captured, or the source is not on this machine".to_owned(),
    };
    format!("  changes are applied up to {}: {waiting}\n", status.applied)
}
