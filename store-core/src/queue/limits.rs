use std::time::Duration;

use crate::Timestamp;

/// What a queue allows, across all processes. What is none is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueLimits {
    /// The most jobs that are leased at the same time: 1 to 1,000,000.
    pub max_leased: Option<u32>,
    /// The most jobs of one `concurrency_key` that are leased at the same time: 1 to 1,000,000.
    pub per_key: Option<u32>,
    /// How often jobs are claimed.
    pub rate: Option<Rate>,
}

/// At most so many claims in a window. A window begins with the first claim after the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The most claims in a window: 1 to 1,000,000.
    pub count: u32,
    /// How long a window is: 1 millisecond to 1 day.
    pub per: Duration,
}

/// How a queue is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueStats {
    /// The queue.
    pub queue: String,
    /// Jobs that wait for other jobs or for an event.
    pub blocked: u64,
    /// Jobs whose time has not come.
    pub scheduled: u64,
    /// Jobs that can be claimed.
    pub available: u64,
    /// Jobs that workers hold.
    pub leased: u64,
    /// Since when the oldest of the available jobs could be claimed.
    pub oldest_available: Option<Timestamp>,
    /// Jobs that succeeded in the last minute.
    pub succeeded_last_minute: u64,
    /// Jobs that died in the last minute.
    pub dead_last_minute: u64,
    /// Jobs that were cancelled in the last minute.
    pub cancelled_last_minute: u64,
    /// Whether nothing is claimed from it.
    pub paused: bool,
    /// What it allows.
    pub limits: QueueLimits,
}
