//! What a workflow comes to, so that two processes can tell whether they see the same.

use std::fmt;
use std::str::FromStr;

use store_core::workflow::{RunFilter, RunStatus, WorkflowRepository};
use store_core::{PageRequest, WorkflowId};

use crate::Result;

const STATUSES: usize = RunStatus::ALL.len();

/// How many versions, audit entries and runs there are, the runs by status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    versions: usize,
    audit: usize,
    runs: [usize; STATUSES],
}

impl Tally {
    /// Counts; what the demo wrote fits one page of each.
    pub(crate) async fn read(store: &dyn WorkflowRepository, id: WorkflowId) -> Result<Self> {
        let page = PageRequest::first(PageRequest::MAX_LIMIT);
        let filter = RunFilter { workflow_id: Some(id), ..RunFilter::default() };
        let mut tally = Self {
            versions: store.list_versions(id, &page).await?.items.len(),
            audit: store.list_workflow_audit(id, &page).await?.items.len(),
            ..Self::default()
        };
        for run in store.list_runs(&filter, &page).await?.items {
            tally.audit += store.list_run_audit(run.id, &page).await?.items.len();
            for (count, status) in tally.runs.iter_mut().zip(RunStatus::ALL) {
                *count += usize::from(run.status == *status);
            }
        }
        Ok(tally)
    }

    /// Returns the counts in the form people read.
    pub(crate) fn describe(&self) -> String {
        let runs: Vec<_> =
            self.runs.iter().zip(RunStatus::ALL).map(|(n, s)| format!("{n} {s}")).collect();
        format!(
            "{} versions, {} audit entries; runs: {}",
            self.versions,
            self.audit,
            runs.join(", ")
        )
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.versions, self.audit)?;
        self.runs.iter().try_for_each(|count| write!(f, ":{count}"))
    }
}

impl FromStr for Tally {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let mut parts = text.split(':').map(|part| part.parse().ok());
            let (versions, audit) = (parts.next()??, parts.next()??);
            let mut runs = [0; STATUSES];
            for count in &mut runs {
                *count = parts.next()??;
            }
            Some(Self { versions, audit, runs })
        };
        parse().ok_or_else(|| "is not VERSIONS:AUDIT:RUNS…".to_owned())
    }
}
