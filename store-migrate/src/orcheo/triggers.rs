//! Schedules and retry policies.

use store_core::Timestamp;
use store_core::workflow::{CronConfig, Misfire, RetryPolicy};

use super::converter::Converter;
use super::fault::{Checked, broken, fault};
use super::fields::Fields;
use super::instant;
use super::row::Row;

/// When a workflow was created and when it changed last. Orcheo does not say it of a trigger.
pub(super) fn instants(cx: &Converter<'_>, workflow_id: &str) -> Checked<(String, String)> {
    let find = |column: &str| {
        let sql = format!("SELECT {column} FROM workflows WHERE id = ?");
        cx.find(&sql, [workflow_id])
    };
    match (find("created_at")?, find("updated_at")?) {
        (Some(created_at), Some(updated_at)) => Ok((created_at, updated_at)),
        _ => Err(fault("workflow_id", "the workflow is not there, or was refused")),
    }
}

/// Converts a schedule: it goes on after the occurrence that was dispatched last.
pub(super) fn cron(cx: &mut Converter<'_>, row: &Row) -> Checked<()> {
    let workflow_id: store_core::WorkflowId = row.parsed("workflow_id")?;
    let workflow_id = workflow_id.to_string();
    let mut fields = row.fields("config")?;
    let config = CronConfig {
        expression: fields.maybe_text("expression")?.unwrap_or_else(|| "0 * * * *".into()),
        timezone: fields.maybe_text("timezone")?.unwrap_or_else(|| "UTC".into()),
        allow_overlapping: fields.flag("allow_overlapping")?,
        start_at: bound(&mut fields, "start_at")?,
        end_at: bound(&mut fields, "end_at")?,
        misfire: Misfire::FireOnce,
    };
    let last = row.maybe_instant("last_dispatched_at")?;
    let (created_at, updated_at) = instants(cx, &workflow_id)?;
    let next = cx.rules.workflow.cron(&config, last, cx.options.now).map_err(broken("config"))?;
    if last.is_none() {
        cx.tally.note("cron_triggers: never fired; its first occurrence is the next from now on");
    }
    let stored = |at: Option<Timestamp>| at.map(|at| at.to_string());
    cx.insert(
        "workflow_cron_triggers",
        &[
            ("workflow_id", &workflow_id),
            ("expression", &config.expression),
            ("timezone", &config.timezone),
            ("allow_overlapping", &config.allow_overlapping),
            ("start_at", &stored(config.start_at)),
            ("end_at", &stored(config.end_at)),
            ("misfire", &config.misfire.as_str()),
            ("next_at", &stored(next)),
            ("look_at", &stored(next)),
            ("last_dispatched_at", &stored(last)),
            ("created_at", &created_at),
            ("updated_at", &updated_at),
        ],
    )?;
    cx.leave(row, "config", &fields);
    Ok(())
}

fn bound(fields: &mut Fields, field: &str) -> Checked<Option<Timestamp>> {
    let Some(text) = fields.maybe_text(field)? else { return Ok(None) };
    instant::parse(&text).map(Some).map_err(|reason| fault(fields.at(field), reason))
}

/// Converts a retry policy.
pub(super) fn retry(cx: &mut Converter<'_>, row: &Row) -> Checked<()> {
    let workflow_id: store_core::WorkflowId = row.parsed("workflow_id")?;
    let workflow_id = workflow_id.to_string();
    let mut fields = row.fields("config")?;
    let default = RetryPolicy::default();
    // Null means without a limit there, and absent means the default.
    let limited = !fields.is_null("max_delay_seconds");
    let policy = RetryPolicy {
        max_attempts: fields.maybe_read("max_attempts")?.unwrap_or(default.max_attempts),
        initial_delay_seconds: number(&mut fields, "initial_delay_seconds")?
            .unwrap_or(default.initial_delay_seconds),
        backoff_factor: number(&mut fields, "backoff_factor")?.unwrap_or(default.backoff_factor),
        max_delay_seconds: number(&mut fields, "max_delay_seconds")?
            .or(default.max_delay_seconds.filter(|_| limited)),
        jitter_factor: number(&mut fields, "jitter_factor")?.unwrap_or(default.jitter_factor),
    };
    let policy = cx.rules.workflow.retry(policy).map_err(broken("config"))?;
    let (created_at, updated_at) = instants(cx, &workflow_id)?;
    cx.insert(
        "workflow_retry_policies",
        &[
            ("workflow_id", &workflow_id),
            ("max_attempts", &i64::from(policy.max_attempts)),
            ("initial_delay_seconds", &policy.initial_delay_seconds),
            ("backoff_factor", &policy.backoff_factor),
            ("max_delay_seconds", &policy.max_delay_seconds),
            ("jitter_factor", &policy.jitter_factor),
            ("created_at", &created_at),
            ("updated_at", &updated_at),
        ],
    )?;
    cx.leave(row, "config", &fields);
    Ok(())
}

fn number(fields: &mut Fields, field: &str) -> Checked<Option<f64>> {
    fields.maybe_read(field)
}
