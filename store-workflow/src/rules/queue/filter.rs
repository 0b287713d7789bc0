use serde_json::json;
use store_core::json::Admitted;
use store_core::queue::{JobFilter, JobState};
use store_core::{Error, Result, check_short_text};

use crate::rules::Context;
use crate::rules::run::checked_batch;
use crate::rules::text::checked_error;

/// A filter of jobs that was checked.
#[derive(Debug, Clone)]
pub(crate) struct ReadyJobFilter {
    pub(crate) filter: JobFilter,
    /// The words of its states, never empty.
    pub(crate) states: Vec<&'static str>,
    /// Whether they are finished.
    pub(crate) finished: bool,
    /// What the tags must contain.
    pub(crate) tags_contain: Option<Admitted>,
}

impl ReadyJobFilter {
    pub(crate) fn new(context: &Context, filter: &JobFilter) -> Result<Self> {
        let finished = filter.states.first().is_some_and(|state| state.is_finished());
        if filter.states.iter().any(|state| state.is_finished() != finished) {
            return Err(Error::invalid(
                "states",
                "mix finished and unfinished ones, which are listed apart",
            ));
        }
        for (field, text) in [("queue", &filter.queue), ("kind", &filter.kind)] {
            if let Some(text) = text {
                check_short_text(field, text)?;
            }
        }
        let tags_contain = match &filter.tag {
            Some(tag) => {
                check_short_text("tag", tag)?;
                Some(context.json.admit("tag", json!([tag]))?)
            }
            None => None,
        };
        let named = |state: &&JobState| filter.states.is_empty() || filter.states.contains(state);
        let of_kind = |state: &&JobState| state.is_finished() == finished;
        let states = JobState::ALL.iter().filter(of_kind).filter(named);
        Ok(Self {
            filter: filter.clone(),
            states: states.map(|state| state.as_str()).collect(),
            finished,
            tags_contain,
        })
    }

    /// Checks which dead jobs go back to their queues.
    pub(crate) fn redrive(
        context: &Context,
        filter: &JobFilter,
        limit: u32,
    ) -> Result<(Self, i64)> {
        let limit = checked_batch("limit", limit)?;
        if filter.states.iter().any(|state| *state != JobState::Dead) {
            return Err(Error::invalid("states", "only dead jobs can be given back"));
        }
        let dead = JobFilter { states: vec![JobState::Dead], ..filter.clone() };
        Ok((Self::new(context, &dead)?, limit))
    }
}

/// Checks what `prune_jobs` is asked for, and returns its states and batch.
pub(crate) fn checked_prune(states: &[JobState], batch: u32) -> Result<(Vec<&'static str>, i64)> {
    if states.is_empty() {
        return Err(Error::invalid("states", "must name at least one"));
    }
    if let Some(state) = states.iter().find(|state| !state.is_finished()) {
        return Err(Error::invalid("states", format!("{state} jobs are not finished")));
    }
    Ok((states.iter().map(|state| state.as_str()).collect(), checked_batch("batch", batch)?))
}

/// Checks why a job is cancelled.
pub(crate) fn checked_reason(reason: &str) -> Result<()> {
    if reason.is_empty() {
        return Err(Error::invalid("reason", "must not be empty"));
    }
    checked_error("reason", reason)
}
