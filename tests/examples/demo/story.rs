//! The first process: workflows, then the history of a run.

use std::time::Instant;

use store_core::seal::KeyRing;
use store_core::{Backend, Databases, Settings, Subsystem};

use crate::input::Input;
use crate::read_back::Written;
use crate::report::{self, Report, count};
use crate::{Result, chatkit, checkpoints, health, history, read_back, tokens, vault, workflow};

const NEXT: &str = "\
Next: run it again, or with `--input FILE` on steps of your own (JSON Lines);
`--backend postgres` does the same on PostgreSQL. The calls you saw are those of
the traits in store-core/src: workflow/traits, queue/traits, history/store.rs,
tokens/repository.rs, checkpoints/store.rs, checkpoints/graph/store.rs,
chatkit/store.rs, vault/store.rs and vault/governance.rs; this program is tests/examples/demo. A server that
`cargo xtask demo` started for you ends with it.";

/// Tells the whole story.
pub(crate) async fn tell(settings: Settings, input: Input) -> Result<()> {
    let begun = Instant::now();
    let workflows_at = place(&settings, Subsystem::Workflow);
    let history_at = place(&settings, Subsystem::History);
    let checkpoints_at = place(&settings, Subsystem::Checkpoints);
    let tokens_at = place(&settings, Subsystem::Tokens);
    let conversations_at = place(&settings, Subsystem::Chatkit);
    let credentials_at = place(&settings, Subsystem::Vault);
    let sealed = sealed(&settings)?;
    #[cfg(feature = "migrate")]
    let moved = settings.clone();
    let databases = Databases::new(settings);
    let mut report = Report::default();

    report.part(&format!("Workflows on {workflows_at}"));
    let workflows = store_workflow::open(&databases).await?;
    let told = workflow::tell(&mut report, workflows.clone(), &sealed).await?;

    report.part(&format!("Run history on {history_at}"));
    report::note(format!("Input: {}, {} steps", input.path, count(input.lines.len() as u64)));
    if input.repeated > 0 {
        let repeated = input.repeated;
        report::note(format!("Left out: {repeated} lines that repeat an idempotency key"));
    }
    let store = store_history::open(&databases).await?;
    let (execution, digest) = history::tell(&mut report, &store, input.of_run(told.run)?).await?;

    report.part(&format!("Service tokens on {tokens_at}"));
    let tokens = store_tokens::open(&databases).await?;
    tokens::tell(&mut report, tokens.clone()).await?;

    report.part(&format!("Checkpoints on {checkpoints_at}"));
    let training = store_checkpoints::open(&databases).await?;
    checkpoints::train(&mut report, training.as_ref()).await?;
    let graph = store_checkpoints::open_graph(&databases).await?;
    checkpoints::graph(&mut report, graph.as_ref()).await?;

    report.part(&format!("Conversations on {conversations_at}"));
    let conversations = store_chatkit::open(&databases).await?;
    chatkit::tell(&mut report, conversations.as_ref()).await?;

    report.part(&format!("Credentials on {credentials_at}"));
    let credentials = vault::tell(&mut report, &databases).await?;

    let health = [
        workflows.health().await,
        store.health().await,
        tokens.health().await,
        training.health().await,
        conversations.health().await,
        credentials.health().await,
    ];
    health::show_all(&mut report, &health)?;
    databases.close().await;

    report.section("Read all of it back in a second process");
    let written = Written { workflow: told.id, tally: told.tally, digest, execution };
    read_back::start(&written)?;
    #[cfg(feature = "migrate")]
    crate::moving::tell(&mut report, &moved).await?;
    println!("\nAll of it took {}.", report::span(begun.elapsed()));
    println!("Workflow {} stays in {workflows_at},", written.workflow);
    println!("execution {} in {history_at}.", written.execution);
    println!("{NEXT}");
    Ok(())
}

fn place(settings: &Settings, subsystem: Subsystem) -> String {
    match settings.backend(subsystem) {
        Backend::Postgres => {
            let dsn = settings.postgres_dsn().map(ToString::to_string).unwrap_or_default();
            format!("PostgreSQL: {dsn}, schema {}", settings.postgres().schema)
        }
        _ => format!("SQLite: {}", settings.sqlite_path(subsystem).display()),
    }
}

/// Says how `store_workflow::open` keeps the secrets of webhooks under these settings.
fn sealed(settings: &Settings) -> Result<String> {
    Ok(match KeyRing::from_settings(settings)? {
        Some(keys) => format!("sealed with key {}", keys.current_id()),
        None => "stored as it is: STORE_VAULT_KEY is not set".to_owned(),
    })
}
