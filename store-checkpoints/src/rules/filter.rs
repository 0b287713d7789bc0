//! What is asked of checkpoints.

use serde_json::Value;
use store_core::checkpoints::{CheckpointFilter, MetricCondition};
use store_core::json::Admitted;
use store_core::{Error, Result};

use super::Context;
use super::checkpoint::checked_object;
use super::text::checked_workflow;

/// A filter that may be asked of a database.
#[derive(Debug, Clone)]
pub(crate) struct ReadyFilter {
    pub(crate) workflow_id: String,
    pub(crate) metrics: Vec<MetricCondition>,
    pub(crate) metrics_contain: Option<Admitted>,
    pub(crate) metadata_contain: Option<Admitted>,
}

impl ReadyFilter {
    /// Checks a filter.
    pub(crate) fn new(
        context: &Context,
        workflow_id: &str,
        filter: &CheckpointFilter,
    ) -> Result<Self> {
        checked_workflow(workflow_id)?;
        if filter.metrics.len() > CheckpointFilter::MAX_CONDITIONS {
            let (count, most) = (filter.metrics.len(), CheckpointFilter::MAX_CONDITIONS);
            return Err(Error::invalid(
                "metrics",
                format!("has {count} conditions, at most {most}"),
            ));
        }
        if let Some(at) = filter.metrics.iter().position(|one| one.value.is_nan()) {
            return Err(Error::invalid(format!("metrics[{at}].value"), "must not be NaN"));
        }
        let admit = |field, wanted: Option<&Value>| {
            wanted.map(|wanted| admit_object(context, field, wanted)).transpose()
        };
        Ok(Self {
            workflow_id: workflow_id.to_owned(),
            metrics: filter.metrics.clone(),
            metrics_contain: admit("metrics_contain", filter.metrics_contain.as_ref())?,
            metadata_contain: admit("metadata_contain", filter.metadata_contain.as_ref())?,
        })
    }
}

fn admit_object(context: &Context, field: &str, wanted: &Value) -> Result<Admitted> {
    checked_object(field, wanted)?;
    context.json.admit(field, wanted.clone())
}
