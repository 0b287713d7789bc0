use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use store_core::json::JsonPolicy;
use store_core::workflow::{CronConfig, CronTrigger, Misfire};
use store_core::{Result, Timestamp, WorkflowId};
use uuid::Uuid;

use super::{Reader, stored};
use crate::postgres::schema::workflow_cron_triggers;

#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = workflow_cron_triggers, check_for_backend(Pg))]
pub(in crate::postgres) struct CronRow {
    pub(in crate::postgres) workflow_id: Uuid,
    pub(in crate::postgres) expression: String,
    pub(in crate::postgres) timezone: String,
    pub(in crate::postgres) allow_overlapping: bool,
    pub(in crate::postgres) start_at: Option<DateTime<Utc>>,
    pub(in crate::postgres) end_at: Option<DateTime<Utc>>,
    pub(in crate::postgres) misfire: String,
    pub(in crate::postgres) catch_up_max: Option<i32>,
    pub(in crate::postgres) next_at: Option<DateTime<Utc>>,
    pub(in crate::postgres) last_dispatched_at: Option<DateTime<Utc>>,
    pub(in crate::postgres) last_skip_reason: Option<String>,
    pub(in crate::postgres) created_at: DateTime<Utc>,
    pub(in crate::postgres) updated_at: DateTime<Utc>,
}

impl CronRow {
    pub(in crate::postgres) fn into_record(self, json: &JsonPolicy) -> Result<CronTrigger> {
        let read = Reader { table: "workflow_cron_triggers", id: &self.workflow_id, json };
        let max = self.catch_up_max.map(u32::try_from);
        let misfire = match (self.misfire.as_str(), max) {
            ("skip", None) => Misfire::Skip,
            ("fire_once", None) => Misfire::FireOnce,
            ("catch_up", Some(Ok(max))) => Misfire::CatchUp { max },
            _ => return Err(read.corrupt("misfire", "is no policy")),
        };
        Ok(CronTrigger {
            workflow_id: self.workflow_id.into(),
            config: CronConfig {
                start_at: read.optional("start_at", self.start_at)?,
                end_at: read.optional("end_at", self.end_at)?,
                expression: self.expression,
                timezone: self.timezone,
                allow_overlapping: self.allow_overlapping,
                misfire,
            },
            next_at: read.optional("next_at", self.next_at)?,
            last_dispatched_at: read.optional("last_dispatched_at", self.last_dispatched_at)?,
            last_skip_reason: self.last_skip_reason,
            created_at: read.instant("created_at", self.created_at)?,
            updated_at: read.instant("updated_at", self.updated_at)?,
        })
    }
}

/// A schedule that starts over.
#[derive(Debug, Insertable, AsChangeset)]
#[diesel(table_name = workflow_cron_triggers, check_for_backend(Pg))]
#[diesel(primary_key(workflow_id), treat_none_as_null = true)]
pub(in crate::postgres) struct StoredCronRow<'a> {
    workflow_id: Uuid,
    expression: &'a str,
    timezone: &'a str,
    allow_overlapping: bool,
    start_at: Option<DateTime<Utc>>,
    end_at: Option<DateTime<Utc>>,
    misfire: &'a str,
    catch_up_max: Option<i32>,
    next_at: Option<DateTime<Utc>>,
    look_at: Option<DateTime<Utc>>,
    last_skip_reason: Option<&'a str>,
    updated_at: DateTime<Utc>,
}

impl<'a> StoredCronRow<'a> {
    pub(in crate::postgres) fn new(
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
            workflow_id: workflow_id.as_uuid(),
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
            updated_at: now.to_datetime(),
        }
    }
}
