//! What can be asked of `sync` and `cutover`.

use std::time::Duration;

use crate::model::Layout;
use crate::{Compare, Cutover as How, Error, Job, Location, Result};

/// The two databases of a migration that was begun with `run --capture`.
#[derive(Debug, clap::Args)]
struct Both {
    /// The SQLite database that is read
    #[arg(long, value_name = "DATABASE")]
    from: Location,
    /// The PostgreSQL database that is written
    #[arg(long, value_name = "DATABASE")]
    to: Location,
    /// What kind of databases they are
    #[arg(long, value_enum, default_value = "stores")]
    layout: Layout,
    /// Apply again and again until at most so many changes are left
    #[arg(long, default_value_t = 500, value_name = "CHANGES")]
    until_rows: u64,
}

/// What is applied.
#[derive(Debug, clap::Args)]
pub(super) struct Sync {
    #[command(flatten)]
    both: Both,
}

impl Sync {
    /// Returns it as a job, and how many changes may be left.
    pub(super) fn job(self) -> Result<(Job, u64)> {
        let until_rows = self.both.until_rows;
        Ok((Job::new(self.both.from, self.both.to, self.both.layout)?, until_rows))
    }
}

/// How the application is switched over.
#[derive(Debug, clap::Args)]
pub(super) struct Cutover {
    #[command(flatten)]
    both: Both,
    /// What is compared
    #[arg(long, value_enum, default_value = "full", value_name = "WHAT")]
    validate: WhatIsCompared,
    /// Say that the application is stopped, or writes no more: what it writes to the source after
    /// the cutover is not moved
    #[arg(long)]
    app_stopped: bool,
    /// Let the source refuse every write from the cutover on, until `clean --from`
    #[arg(long)]
    retire_source: bool,
    /// How long to wait for the write lock of the source, in seconds
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    lock_timeout: u32,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum WhatIsCompared {
    /// Every row before writes are stopped, then those that changed since
    Full,
    /// Only rows that changed since the first copy, which was compared as a whole
    Quick,
    /// Every row while writes are stopped
    Locked,
}

impl Cutover {
    /// Returns it as a job, and how it is done.
    pub(super) fn job(self) -> Result<(Job, How)> {
        if !self.app_stopped && !self.retire_source {
            return Err(Error::Usage(
                "what the application writes to the source after the cutover is lost: stop it and \
                 say --app-stopped, or let the source refuse its writes with --retire-source"
                    .to_owned(),
            ));
        }
        let how = How {
            compare: match self.validate {
                WhatIsCompared::Full => Compare::Full,
                WhatIsCompared::Quick => Compare::Quick,
                WhatIsCompared::Locked => Compare::Locked,
            },
            until_rows: self.both.until_rows,
            retire_source: self.retire_source,
            lock_timeout: Duration::from_secs(u64::from(self.lock_timeout)),
        };
        Ok((Job::new(self.both.from, self.both.to, self.both.layout)?, how))
    }
}
