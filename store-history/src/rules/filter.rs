use serde_json::Value;
use store_core::history::{ExecutionFilter, PruneRequest};
use store_core::json::Admitted;
use store_core::{Error, Result, check_external};

use super::Context;

/// The most executions one transaction of a prune deletes.
const PRUNE_BATCH: u32 = 1000;

/// The most months for which partitions are made ahead.
const MONTHS_AHEAD: u32 = 120;

/// A filter that may be asked of a database.
#[derive(Debug, Clone)]
pub(crate) struct ReadyFilter {
    pub(crate) filter: ExecutionFilter,
    pub(crate) metadata_contains: Option<Admitted>,
    /// The tag as the array that tags must contain.
    pub(crate) tags_contain: Option<Admitted>,
}

impl ReadyFilter {
    /// Checks a filter.
    pub(crate) fn new(context: &Context, filter: &ExecutionFilter) -> Result<Self> {
        let texts = [
            ("workflow_id", &filter.workflow_id),
            ("tag", &filter.tag),
            ("trace_id", &filter.trace_id),
        ];
        for (field, text) in texts {
            text.as_ref().map_or(Ok(()), |text| check_external(field, text))?;
        }
        let wanted = filter.metadata_contains.as_ref();
        if wanted.is_some_and(|wanted| !wanted.is_object()) {
            return Err(Error::invalid("metadata_contains", "must be an object"));
        }
        let admit = |field, value| context.json.admit(field, value);
        Ok(Self {
            filter: filter.clone(),
            metadata_contains: wanted
                .map(|wanted| admit("metadata_contains", wanted.clone()))
                .transpose()?,
            tags_contain: filter
                .tag
                .as_ref()
                .map(|tag| admit("tag", Value::from(vec![tag.clone()])))
                .transpose()?,
        })
    }
}

/// Checks how many executions a transaction of a prune may delete.
pub(crate) fn checked_batch(request: &PruneRequest) -> Result<i64> {
    if (1..=PRUNE_BATCH).contains(&request.batch) {
        return Ok(i64::from(request.batch));
    }
    Err(Error::invalid("batch", format!("is {}, allowed is 1 to {PRUNE_BATCH}", request.batch)))
}

/// Checks for how many months partitions are made ahead.
pub(crate) fn checked_months(months: u32) -> Result<u32> {
    if (1..=MONTHS_AHEAD).contains(&months) {
        return Ok(months);
    }
    Err(Error::invalid("months_ahead", format!("is {months}, allowed is 1 to {MONTHS_AHEAD}")))
}
