//! Executions and their steps.

use serde_json::Value;
use store_core::history::{Execution, ExecutionStatus, NewStep, Usage};

use super::converter::Converter;
use super::fault::{Checked, broken, fault};
use super::json;
use super::row::Row;
use crate::error::Result;

/// Converts an execution; what its steps add up to is written with them.
pub(super) fn execution(cx: &mut Converter<'_>, row: &Row) -> Checked<()> {
    let columns = cx.rules.history.execution(read(row)?).map_err(broken("execution_history"))?;
    let one = &columns.execution;
    let stored = |at: Option<store_core::Timestamp>| at.map(|at| at.to_string());
    cx.insert(
        "history_executions",
        &[
            ("execution_id", &one.execution_id.as_str()),
            ("workflow_id", &one.workflow_id),
            ("inputs", &columns.inputs),
            ("runnable_config", &columns.runnable_config),
            ("tags", &columns.tags),
            ("callbacks", &columns.callbacks),
            ("metadata", &columns.metadata),
            ("run_name", &one.run_name),
            ("status", &one.status.as_str()),
            ("started_at", &one.started_at.to_string()),
            ("completed_at", &stored(one.completed_at)),
            ("error", &one.error),
            ("trace_id", &one.trace_id),
            ("trace_started_at", &stored(one.trace_started_at)),
            ("trace_completed_at", &stored(one.trace_completed_at)),
            ("trace_last_span_at", &stored(one.trace_last_span_at)),
            ("record_bytes", &columns.record_bytes),
            ("updated_at", &one.updated_at.to_string()),
        ],
    )
}

fn read(row: &Row) -> Checked<Execution> {
    let status = match row.text("status")? {
        "running" => ExecutionStatus::Running,
        "completed" => ExecutionStatus::Succeeded,
        "error" => ExecutionStatus::Failed,
        "cancelled" => ExecutionStatus::Cancelled,
        _ => return Err(fault("status", "is none of running, completed, error, cancelled")),
    };
    let (started_at, completed_at) =
        (row.instant("started_at")?, row.maybe_instant("completed_at")?);
    if (status == ExecutionStatus::Running) != completed_at.is_none() {
        let reason = "an execution that is over has an end, one that is running has none";
        return Err(fault("completed_at", reason));
    }
    Ok(Execution {
        execution_id: row.parsed("execution_id")?,
        workflow_id: row.text("workflow_id")?.to_owned(),
        inputs: row.json("inputs")?,
        runnable_config: row.maybe_json("runnable_config")?.unwrap_or_else(json::empty),
        tags: tags(row)?,
        callbacks: match row.maybe_json("callbacks")? {
            None => Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(fault("callbacks", "is no JSON array")),
        },
        metadata: row.maybe_json("metadata")?.unwrap_or_else(json::empty),
        run_name: row.maybe_text("run_name")?.map(str::to_owned),
        status,
        started_at,
        completed_at,
        error: row.maybe_text("error")?.map(str::to_owned),
        trace_id: row.maybe_text("trace_id")?.map(str::to_owned),
        trace_started_at: row.maybe_instant("trace_started_at")?,
        trace_completed_at: row.maybe_instant("trace_completed_at")?,
        trace_last_span_at: row.maybe_instant("trace_last_span_at")?,
        step_count: 0,
        usage: Usage::default(),
        updated_at: completed_at.unwrap_or(started_at),
    })
}

fn tags(row: &Row) -> Checked<Vec<String>> {
    let items = match row.maybe_json("tags")? {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(fault("tags", "is no JSON array")),
    };
    let text = |item| match item {
        Value::String(text) => Ok(text),
        _ => Err(fault("tags", "holds something else than texts")),
    };
    items.into_iter().map(text).collect()
}

/// Steps come in the order of their executions; what they add up to is written behind the last.
#[derive(Debug, Default)]
pub(super) struct Steps {
    current: Option<Sum>,
}

#[derive(Debug)]
struct Sum {
    execution_id: String,
    started_at: String,
    count: i64,
    bytes: i64,
    last_at: Option<store_core::Timestamp>,
}

impl Steps {
    /// Converts a step.
    pub(super) fn convert(&mut self, cx: &mut Converter<'_>, row: &Row) -> Result<()> {
        cx.row(row, |cx, row| self.step(cx, row))
    }

    fn step(&mut self, cx: &mut Converter<'_>, row: &Row) -> Checked<()> {
        let execution_id = row.text("execution_id")?;
        if self.current.as_ref().is_none_or(|sum| sum.execution_id != execution_id) {
            self.finish(cx)?;
            self.current = Some(begin(cx, execution_id)?);
        }
        let Some(sum) = &mut self.current else { return Ok(()) };
        let index = row.integer("step_index")?;
        if index != sum.count {
            if !cx.options.quarantine {
                let reason = format!("steps have no gaps: step {} is missing before it", sum.count);
                return Err(fault("step_index", reason));
            }
            cx.tally.note("execution_history_steps: moved up to where a step was missing");
        }
        let new = NewStep { at: Some(row.instant("at")?), ..NewStep::new(row.json("payload")?) };
        let step = cx.rules.history.step(new).map_err(broken("payload"))?;
        cx.insert(
            "history_steps",
            &[
                ("execution_id", &execution_id),
                ("step_index", &sum.count),
                ("execution_started_at", &sum.started_at),
                ("at", &step.at.to_string()),
                ("payload", &step.payload),
                ("payload_bytes", &step.payload_bytes),
                ("byte_offset", &sum.bytes),
            ],
        )?;
        sum.count += 1;
        sum.bytes += step.payload_bytes;
        sum.last_at = sum.last_at.max(Some(step.at));
        Ok(())
    }

    /// Writes what the steps of the last execution add up to.
    pub(super) fn finish(&mut self, cx: &Converter<'_>) -> Result<()> {
        const SET: &str = "UPDATE history_executions SET step_count = ?1, step_bytes = ?2, \
             updated_at = max(updated_at, coalesce(?3, updated_at)), \
             trace_last_span_at = coalesce(trace_last_span_at, ?3) WHERE execution_id = ?4";
        let Some(sum) = self.current.take() else { return Ok(()) };
        let last_at = sum.last_at.map(|at| at.to_string());
        let values = (sum.count, sum.bytes, last_at, sum.execution_id);
        let doing = "writing history_executions";
        let run = || cx.conn.prepare_cached(SET)?.execute(values);
        run().map(drop).map_err(crate::error::sqlite(doing))
    }
}

fn begin(cx: &Converter<'_>, execution_id: &str) -> Checked<Sum> {
    let sql = "SELECT started_at FROM history_executions WHERE execution_id = ?";
    let started_at = cx
        .find(sql, [execution_id])?
        .ok_or_else(|| fault("execution_id", "the execution is not there, or was refused"))?;
    let execution_id = execution_id.to_owned();
    Ok(Sum { execution_id, started_at, count: 0, bytes: 0, last_at: None })
}
