use serde::{Deserialize, Serialize};

/// How often, and after how long, a failed run is tried again.
///
/// The delay before retry `i` (0 for the first) is `initial * factor^i`, at most the maximum, then
/// spread evenly by the jitter in both directions, never above the maximum.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryPolicy {
    /// How many attempts there are, the first included: at least 1.
    pub max_attempts: u32,
    /// The delay before the first retry, in seconds: at least 0.
    pub initial_delay_seconds: f64,
    /// What the delay is multiplied by from one retry to the next: at least 1.
    pub backoff_factor: f64,
    /// The longest delay in seconds; none for no limit but the calendar's.
    pub max_delay_seconds: Option<f64>,
    /// The part of the delay by which it is spread in both directions: 0 to 1.
    pub jitter_factor: f64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            initial_delay_seconds: 30.0,
            backoff_factor: 2.0,
            max_delay_seconds: Some(300.0),
            jitter_factor: 0.1,
        }
    }
}
