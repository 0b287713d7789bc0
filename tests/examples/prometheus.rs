//! Metrics for Prometheus: what an application would answer where it is scraped.
//!
//! An application serves the text; this prints it.
#![expect(clippy::print_stdout, reason = "printing is what this example is for")]

use std::error::Error;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use store_core::history::{NewExecution, NewStep};
use store_core::observe::{METRICS, describe};
use store_core::{Databases, ExecutionId, PageRequest, Settings};

/// Installs the recorder, with the buckets that suit, and says what each metric means.
fn install() -> Result<PrometheusHandle, Box<dyn Error>> {
    let mut builder = PrometheusBuilder::new();
    for metric in METRICS.iter().filter(|metric| !metric.buckets.is_empty()) {
        let name = Matcher::Full(metric.name.to_owned());
        builder = builder.set_buckets_for_metric(name, metric.buckets)?;
    }
    let handle = builder.install_recorder()?;
    describe();
    Ok(handle)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let metrics = install()?;
    let databases = Databases::new(Settings::memory());
    let history = store_history::open(&databases).await?;
    let id = ExecutionId::new("run-1")?;
    history.start(NewExecution::new(id.clone(), "triage")).await?;
    history.append_step(&id, NewStep::new("hello".into())).await?;
    history.steps(&id, &PageRequest::default()).await?;
    let absent = history.fetch(&ExecutionId::new("run-2")?).await;
    assert!(absent.is_err(), "it was never started");
    let queue = store_workflow::open(&databases).await?;
    queue.enqueue(store_core::queue::NewJob::new("email", serde_json::json!({}))).await?;
    // The gauges of the queue are as of this call: an application makes it every 15 seconds or so.
    queue.queue_stats(None).await?;

    // Where /metrics is asked for; `run_upkeep` belongs into a task that repeats.
    metrics.run_upkeep();
    print!("{}", metrics.render());
    Ok(())
}
