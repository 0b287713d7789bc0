use std::fmt;

use crate::{Timestamp, WorkflowId};

/// When a workflow is started by the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronConfig {
    /// Five fields (minute, hour, day of month, month, day of week) or six (seconds first).
    pub expression: String,
    /// The IANA name of the zone whose clock on the wall the expression means.
    pub timezone: String,
    /// Whether an occurrence fires while a run of an earlier one is pending or running.
    pub allow_overlapping: bool,
    /// The first instant at which it may fire, inclusive; a whole minute.
    pub start_at: Option<Timestamp>,
    /// The last instant at which it may fire, inclusive; a whole minute.
    pub end_at: Option<Timestamp>,
    /// What becomes of occurrences nobody dispatched in time.
    pub misfire: Misfire,
}

impl Default for CronConfig {
    /// Every full hour, UTC, without overlap.
    fn default() -> Self {
        Self {
            expression: "0 * * * *".into(),
            timezone: "UTC".into(),
            allow_overlapping: false,
            start_at: None,
            end_at: None,
            misfire: Misfire::default(),
        }
    }
}

/// What becomes of occurrences that nobody dispatched in time: by [`Misfire::GRACE_SECONDS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Misfire {
    /// They are passed over.
    Skip,
    /// The latest of them fires, once for all.
    #[default]
    FireOnce,
    /// The latest `max` of them fire, oldest first.
    CatchUp {
        /// How many at most: 1 to [`Misfire::CATCH_UP_MAX`].
        max: u32,
    },
}

impl Misfire {
    /// An occurrence counts as missed when it is looked at this many seconds after its time.
    pub const GRACE_SECONDS: u64 = 60;
    /// The most occurrences that can be caught up with.
    pub const CATCH_UP_MAX: u32 = 1000;

    /// Returns the word that is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::FireOnce => "fire_once",
            Self::CatchUp { .. } => "catch_up",
        }
    }
}

impl fmt::Display for Misfire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The cron trigger of a workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronTrigger {
    /// The workflow it starts.
    pub workflow_id: WorkflowId,
    /// When.
    pub config: CronConfig,
    /// The next occurrence; none when the schedule is over.
    pub next_at: Option<Timestamp>,
    /// The occurrence that was last dispatched.
    pub last_dispatched_at: Option<Timestamp>,
    /// Why the last occurrence could not fire, if it could not.
    pub last_skip_reason: Option<String>,
    /// When it was first configured.
    pub created_at: Timestamp,
    /// When it was last configured.
    pub updated_at: Timestamp,
}
