use serde_json::Value;

use crate::{ExecutionId, Timestamp};

/// One step of an execution. Steps are never changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The execution it belongs to.
    pub execution_id: ExecutionId,
    /// Its place: 0, 1, 2 … without gaps.
    pub index: i64,
    /// When it happened.
    pub at: Timestamp,
    /// What kind of step it is, such as `tool_call`.
    pub kind: Option<String>,
    /// The node or tool it comes from.
    pub name: Option<String>,
    /// What happened.
    pub payload: Value,
    /// What it used.
    pub usage: Option<Usage>,
    /// What makes appending it again harmless.
    pub idempotency_key: Option<String>,
}

/// What `append_step` takes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewStep {
    /// When it happened; now, when none is given.
    pub at: Option<Timestamp>,
    /// What kind of step it is: at most 255 bytes, no control characters.
    pub kind: Option<String>,
    /// The node or tool it comes from: at most 255 bytes, no control characters.
    pub name: Option<String>,
    /// What happened: any JSON the policy admits.
    pub payload: Value,
    /// What it used.
    pub usage: Option<Usage>,
    /// What makes appending it again harmless: 1 to 255 bytes, unique within the execution.
    pub idempotency_key: Option<String>,
}

impl NewStep {
    /// Describes a step that happens now.
    #[must_use]
    pub fn new(payload: Value) -> Self {
        Self { payload, ..Self::default() }
    }
}

/// Tokens and money. Each part is between 0 and 2^53 - 1 for one step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Usage {
    /// Tokens read by the model.
    pub input_tokens: i64,
    /// Tokens written by the model.
    pub output_tokens: i64,
    /// Cost in millionths of the application's currency.
    pub cost_micros: i64,
}

impl Usage {
    /// The most that one step can state in each part: what JSON numbers carry exactly.
    pub const STEP_MAX: i64 = (1 << 53) - 1;
    /// The most that an execution can hold in each part; an append that would exceed it is refused.
    pub const TOTAL_MAX: i64 = 1 << 62;

    /// Adds two usages part by part. Both are bounded, so that the sum of a batch fits.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            input_tokens: self.input_tokens.saturating_add(other.input_tokens),
            output_tokens: self.output_tokens.saturating_add(other.output_tokens),
            cost_micros: self.cost_micros.saturating_add(other.cost_micros),
        }
    }
}
