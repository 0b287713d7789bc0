use diesel::prelude::*;
use diesel::sqlite::Sqlite;
use store_core::json::JsonPolicy;
use store_core::workflow::{CronConfig, CronTrigger, Misfire};
use store_core::{Result, Timestamp, WorkflowId};

use super::{Reader, stored};
use crate::sqlite::schema::workflow_cron_triggers;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = workflow_cron_triggers, check_for_backend(Sqlite))]
pub(in crate::sqlite) struct CronRow {
    pub(in crate::sqlite) workflow_id: String,
    pub(in crate::sqlite) expression: String,
    pub(in crate::sqlite) timezone: String,
    pub(in crate::sqlite) allow_overlapping: bool,
    pub(in crate::sqlite) start_at: Option<String>,
    pub(in crate::sqlite) end_at: Option<String>,
    pub(in crate::sqlite) misfire: String,
    pub(in crate::sqlite) catch_up_max: Option<i32>,
    pub(in crate::sqlite) next_at: Option<String>,
    pub(in crate::sqlite) last_dispatched_at: Option<String>,
    pub(in crate::sqlite) last_skip_reason: Option<String>,
    pub(in crate::sqlite) created_at: String,
    pub(in crate::sqlite) updated_at: String,
}

impl CronRow {
    pub(in crate::sqlite) fn into_record(self, json: &JsonPolicy) -> Result<CronTrigger> {
        let read = Reader { table: "workflow_cron_triggers", id: &self.workflow_id, json };
        let max = self.catch_up_max.map(u32::try_from);
        let misfire = match (self.misfire.as_str(), max) {
            ("skip", None) => Misfire::Skip,
            ("fire_once", None) => Misfire::FireOnce,
            ("catch_up", Some(Ok(max))) => Misfire::CatchUp { max },
            _ => return Err(read.corrupt("misfire", "is no policy")),
        };
        let last_dispatched_at = self.last_dispatched_at.as_deref();
        Ok(CronTrigger {
            workflow_id: read.parsed("workflow_id", &self.workflow_id)?,
            config: CronConfig {
                start_at: read.optional("start_at", self.start_at.as_deref())?,
                end_at: read.optional("end_at", self.end_at.as_deref())?,
                expression: self.expression,
                timezone: self.timezone,
                allow_overlapping: self.allow_overlapping,
                misfire,
            },
            next_at: read.optional("next_at", self.next_at.as_deref())?,
            last_dispatched_at: read.optional("last_dispatched_at", last_dispatched_at)?,
            last_skip_reason: self.last_skip_reason,
            created_at: read.parsed("created_at", &self.created_at)?,
            updated_at: read.parsed("updated_at", &self.updated_at)?,
        })
    }
}

/// A schedule that starts over.
#[derive(Debug, Insertable, AsChangeset)]
#[diesel(table_name = workflow_cron_triggers, check_for_backend(Sqlite))]
#[diesel(primary_key(workflow_id), treat_none_as_null = true)]
pub(in crate::sqlite) struct StoredCronRow<'a> {
    workflow_id: String,
    expression: &'a str,
    timezone: &'a str,
    allow_overlapping: bool,
    start_at: Option<String>,
    end_at: Option<String>,
    misfire: &'a str,
    catch_up_max: Option<i32>,
    next_at: Option<String>,
    look_at: Option<String>,
    last_skip_reason: Option<&'a str>,
    updated_at: String,
}

impl<'a> StoredCronRow<'a> {
    pub(in crate::sqlite) fn new(
        workflow_id: WorkflowId,
        config: &'a CronConfig,
        first_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let catch_up_max = match config.misfire {
            Misfire::CatchUp { max } => Some(i32::try_from(max).unwrap_or(i32::MAX)),
            Misfire::Skip | Misfire::FireOnce => None,
        };
        Self {
            workflow_id: workflow_id.to_string(),
            expression: &config.expression,
            timezone: &config.timezone,
            allow_overlapping: config.allow_overlapping,
            start_at: stored(config.start_at),
            end_at: stored(config.end_at),
            misfire: config.misfire.as_str(),
            catch_up_max,
            next_at: stored(first_at),
            look_at: stored(first_at),
            last_skip_reason: None,
            updated_at: now.to_string(),
        }
    }
}
