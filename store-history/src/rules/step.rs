use std::collections::HashSet;

use store_core::history::{NewStep, Step, Usage};
use store_core::json::Admitted;
use store_core::{Error, ExecutionId, Result, Timestamp};

use super::Context;
use super::text::{checked_key, checked_short};

/// The most steps of one batch.
const BATCH_STEPS: usize = 1000;
/// The most bytes of payload in one batch.
const BATCH_BYTES: i64 = 64 * 1024 * 1024;

/// A step that may be stored.
#[derive(Debug, Clone)]
pub(crate) struct ReadyStep {
    pub(crate) at: Timestamp,
    pub(crate) kind: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) payload: Admitted,
    pub(crate) usage: Option<Usage>,
    pub(crate) idempotency_key: Option<String>,
}

impl ReadyStep {
    /// Checks a new step.
    pub(crate) fn new(context: &Context, new: NewStep) -> Result<Self> {
        checked_short("kind", new.kind.as_ref())?;
        checked_short("name", new.name.as_ref())?;
        checked_key("idempotency_key", new.idempotency_key.as_ref())?;
        new.usage.map_or(Ok(()), checked_usage)?;
        Ok(Self {
            at: new.at.unwrap_or_else(|| context.clock.now()),
            kind: new.kind,
            name: new.name,
            payload: context.json.admit("payload", new.payload)?,
            usage: new.usage,
            idempotency_key: new.idempotency_key,
        })
    }

    /// Returns the usage, nothing being none.
    pub(crate) fn used(&self) -> Usage {
        self.usage.unwrap_or_default()
    }

    /// Makes the step that was stored at `index`.
    pub(crate) fn stored_at(&self, execution_id: &ExecutionId, index: i64) -> Step {
        Step {
            execution_id: execution_id.clone(),
            index,
            at: self.at,
            kind: self.kind.clone(),
            name: self.name.clone(),
            payload: self.payload.value.clone(),
            usage: self.usage,
            idempotency_key: self.idempotency_key.clone(),
        }
    }
}

/// Checks a batch of steps for one execution.
pub(crate) fn checked_batch_of_steps(
    context: &Context,
    steps: Vec<NewStep>,
) -> Result<Vec<ReadyStep>> {
    if steps.len() > BATCH_STEPS {
        let count = steps.len();
        return Err(Error::invalid("steps", format!("has {count} steps, at most {BATCH_STEPS}")));
    }
    let steps = steps
        .into_iter()
        .enumerate()
        .map(|(index, step)| ReadyStep::new(context, step).map_err(|error| within(index, error)))
        .collect::<Result<Vec<_>>>()?;
    let bytes: i64 = steps.iter().map(|step| step.payload.bytes()).sum();
    if bytes > BATCH_BYTES {
        return Err(Error::invalid("steps", format!("has {bytes} bytes, at most {BATCH_BYTES}")));
    }
    let mut keys = HashSet::new();
    for (index, step) in steps.iter().enumerate() {
        if step.idempotency_key.as_ref().is_some_and(|key| !keys.insert(key)) {
            let field = format!("steps[{index}].idempotency_key");
            return Err(Error::invalid(field, "occurs earlier in the same batch"));
        }
    }
    Ok(steps)
}

/// Names the step of a batch in its error.
fn within(index: usize, error: Error) -> Error {
    match error {
        Error::Invalid { field, reason } => {
            Error::Invalid { field: format!("steps[{index}].{field}"), reason }
        }
        other => other,
    }
}

fn checked_usage(usage: Usage) -> Result<()> {
    let parts = [
        ("usage.input_tokens", usage.input_tokens),
        ("usage.output_tokens", usage.output_tokens),
        ("usage.cost_micros", usage.cost_micros),
    ];
    parts.into_iter().try_for_each(|(field, value)| {
        if (0..=Usage::STEP_MAX).contains(&value) {
            return Ok(());
        }
        Err(Error::invalid(field, format!("is {value}, allowed is 0 to {}", Usage::STEP_MAX)))
    })
}
