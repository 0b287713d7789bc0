//! A worker, and the agent that it lets answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use store_core::chatkit::{ChatContext, NewThreadItem};
use store_core::checkpoints::graph::{ChannelValue, GraphCheckpoint, GraphConfig};
use store_core::checkpoints::{Metrics, NewCheckpoint};
use store_core::history::{NewExecution, NewStep};
use store_core::vault::AccessContext;
use store_core::workflow::Run;
use store_core::{Actor, ExecutionId, ExposeSecret, GraphCheckpointId, OwnerId, ThreadId};
use store_workflow::worker::{JobContext, JobError, Worker};

use crate::platform::{MODEL_KEY, Platform, Result, WORKFLOW};

/// Carries out every run that waits. A service would call `run` with what tells it to stop.
pub async fn work(platform: &Arc<Platform>) -> Result<()> {
    let shared = Arc::clone(platform);
    let agent = move |job: JobContext| answer(Arc::clone(&shared), job);
    let worker = Worker::builder(platform.workflows.clone()).handler("run", agent).build()?;
    Ok(worker.run_until_idle().await?)
}

/// Answers one question. What it returns becomes the output of the run; an error fails the run, and
/// the retry policy of its workflow decides what becomes of it.
async fn answer(platform: Arc<Platform>, job: JobContext) -> Result<Value, JobError> {
    let id = job.job().run_id.ok_or(JobError::permanent("the job has no run"))?;
    let run = platform.workflows.fetch_run(id).await?;
    let text = |name: &str| run.input[name].as_str().unwrap_or_default().to_owned();
    let (thread, question) = (ThreadId::new(text("thread"))?, text("question"));

    // A job may be carried out again after a crash, so each attempt has a history of its own.
    let execution = ExecutionId::new(format!("{}-{}", run.id, job.job().attempt))?;
    platform.history.start(NewExecution::new(execution.clone(), WORKFLOW)).await?;
    let step = |payload: Value| platform.history.append_step(&execution, NewStep::new(payload));
    step(json!({"role": "user", "text": question})).await?;
    let answer = model(&secret(&platform, &run).await?, &question);
    step(json!({"role": "assistant", "text": answer})).await?;
    remember(&platform, &thread, &answer).await?;

    // Under the id of the run: a second attempt says nothing twice.
    let message = NewThreadItem::from_json(json!({
        "id": format!("msg_{}", run.id), "type": "assistant_message",
        "content": [{ "type": "output_text", "text": answer }],
    }))?;
    let chat = ChatContext::new(OwnerId::new(text("owner"))?);
    platform.chats.save_item(&chat, &thread, message).await?;
    platform.history.succeed(&execution).await?;
    Ok(json!({"answer": answer, "execution": execution}))
}

/// The key of the model, which only runs of this workflow may have.
async fn secret(platform: &Platform, run: &Run) -> Result<String, JobError> {
    let worker = Actor::new("worker")?;
    let context = AccessContext::new(worker).in_workflow(run.workflow_id.to_string());
    let credential = platform.vault.find_by_name(&context, MODEL_KEY).await?;
    let credential = credential.ok_or(JobError::new("no key for the model: run `setup`"))?;
    Ok(platform.vault.reveal(&context, credential.id).await?.expose_secret().to_owned())
}

/// Yours asks a model here.
fn model(_key: &str, question: &str) -> String {
    format!("You asked {} words: {question}", question.split_whitespace().count())
}

/// Saves the state of the graph after the node that answered, and how good the answer was.
async fn remember(platform: &Platform, thread: &ThreadId, answer: &str) -> Result<(), JobError> {
    let mut checkpoint = GraphCheckpoint::new(GraphCheckpointId::mint());
    checkpoint.channel_versions = BTreeMap::from([("answer".into(), checkpoint.id.to_string())]);
    let value = ChannelValue::new("text", answer.as_bytes().to_vec());
    let values = BTreeMap::from([("answer".into(), value)]);
    let config = GraphConfig::new(thread.clone());
    platform.graph.put(&config, checkpoint, values, json!({"node": "answer"})).await?;

    let mut evaluation = NewCheckpoint::new(WORKFLOW);
    evaluation.metrics = Metrics::new().with("characters", answer.chars().count() as f64)?;
    platform.checkpoints.record(evaluation).await?;
    Ok(())
}
