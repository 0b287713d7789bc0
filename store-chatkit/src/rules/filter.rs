//! Filters of threads.

use store_core::chatkit::ThreadFilter;
use store_core::json::{Admitted, JsonPolicy};
use store_core::{Error, Result};

use super::text::checked_workflow;

/// A filter that may be asked for.
#[derive(Debug, Clone)]
pub(crate) struct ReadyFilter {
    pub(crate) metadata_contain: Option<Admitted>,
    pub(crate) workflow_id: Option<String>,
}

impl ReadyFilter {
    /// Checks a filter. An object without anything in it is contained in every other one.
    pub(crate) fn new(json: &JsonPolicy, filter: &ThreadFilter) -> Result<Self> {
        checked_workflow(filter.workflow_id.as_deref())?;
        let contain = filter.metadata_contain.clone();
        if contain.as_ref().is_some_and(|value| !value.is_object()) {
            return Err(Error::invalid("metadata_contain", "must be an object"));
        }
        let contain = contain.filter(|value| value.as_object().is_some_and(|map| !map.is_empty()));
        Ok(Self {
            metadata_contain: contain
                .map(|value| json.admit("metadata_contain", value))
                .transpose()?,
            workflow_id: filter.workflow_id.clone(),
        })
    }
}
