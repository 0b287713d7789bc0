//! What the demo records: the sample of the repository, or a file of the user's.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use store_core::history::{NewExecution, NewStep};
use store_core::{ExecutionId, RunId};

use crate::{Result, input_line};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/agent_run.jsonl");
const SAMPLE_META: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/agent_run.meta.json");

/// An execution and its steps.
pub(crate) struct Input {
    pub(crate) path: String,
    pub(crate) execution: NewExecution,
    pub(crate) tag: String,
    pub(crate) metadata: Value,
    pub(crate) lines: Vec<Line>,
    /// Lines that were left out because an earlier one has their idempotency key.
    pub(crate) repeated: usize,
}

/// A step and the line it comes from, for errors.
pub(crate) struct Line {
    pub(crate) number: usize,
    pub(crate) step: NewStep,
}

impl Input {
    /// Makes it the execution of a run, named after it, so that the demo can be run again.
    pub(crate) fn of_run(mut self, run: RunId) -> Result<Self> {
        let id = format!("{}-{run}", self.execution.execution_id);
        self.execution.execution_id = ExecutionId::new(id)?;
        Ok(self)
    }
}

/// Reads a file, or the sample.
pub(crate) fn read(file: Option<&Path>) -> Result<Input> {
    let path = file.unwrap_or(Path::new(SAMPLE));
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (lines, repeated) = parse(path, &text)?;
    let meta = if file.is_none() { sample_meta()? } else { own_meta(path) };
    let config = &meta["runnable_config"];
    let (tag, metadata) = (word(&config["tags"][0])?, config["metadata"].clone());
    let id = ExecutionId::new(word(&meta["execution_id"])?)?;
    let mut execution = NewExecution::new(id, word(&meta["workflow_id"])?);
    execution.inputs = meta["inputs"].clone();
    execution.runnable_config = config.clone();
    execution.started_at = meta["started_at"].as_str().map(str::parse).transpose()?;
    Ok(Input { path: path.display().to_string(), execution, tag, metadata, lines, repeated })
}

fn parse(path: &Path, text: &str) -> Result<(Vec<Line>, usize)> {
    let mut lines = Vec::new();
    let mut keys = HashSet::new();
    let mut repeated = 0;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let step = input_line::parse(line)
            .map_err(|reason| format!("{}, line {number}: {reason}", path.display()))?;
        match &step.idempotency_key {
            Some(key) if !keys.insert(key.clone()) => repeated += 1,
            _ => lines.push(Line { number, step }),
        }
    }
    if lines.is_empty() {
        return Err(format!("{}: no line holds a JSON object", path.display()).into());
    }
    Ok((lines, repeated))
}

fn sample_meta() -> Result<Value> {
    let text =
        fs::read_to_string(SAMPLE_META).map_err(|error| format!("{SAMPLE_META}: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("{SAMPLE_META}: {error}").into())
}

fn own_meta(path: &Path) -> Value {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    json!({
        "execution_id": "demo",
        "workflow_id": "demo",
        "inputs": { "file": name },
        "runnable_config": { "tags": ["demo"], "metadata": { "source": "file" } },
    })
}

fn word(value: &Value) -> Result<String> {
    let text = value.as_str().ok_or("the description of the sample lacks a text")?;
    Ok(text.to_owned())
}
