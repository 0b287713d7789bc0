//! A small agent platform: questions come in with a service token, workers answer them.
//!
//! Every command is a process of its own; all they share is the database.

mod ask;
mod platform;
mod setup;
mod show;
mod work;

use std::process::ExitCode;
use std::sync::Arc;

use platform::{Platform, Result};

const USAGE: &str = "\
A small agent platform on the parallel stores.

  agent-platform setup                make the workflow, seal the key of the model, mint a token
  agent-platform ask TOKEN QUESTION   begin a conversation, and a run that will answer
  agent-platform work                 carry out every run that waits
  agent-platform show CONVERSATION    print a conversation, and what was recorded of its run

Where all of it is kept is decided by the environment: STORE_BACKEND and STORE_VAULT_BACKEND (sqlite
or postgres), STORE_SQLITE_PATH, STORE_POSTGRES_DSN. STORE_VAULT_KEY is the key that seals:
`openssl rand -hex 32` makes one. The README has both set-ups whole.";

enum Command {
    Setup,
    Ask { token: String, question: String },
    Work,
    Show { conversation: String },
}

impl Command {
    fn parse(words: &[String]) -> Option<Self> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        Some(match words[..] {
            ["setup"] => Self::Setup,
            ["ask", token, question] => {
                Self::Ask { token: token.into(), question: question.into() }
            }
            ["work"] => Self::Work,
            ["show", conversation] => Self::Show { conversation: conversation.into() },
            _ => return None,
        })
    }

    async fn run(self) -> Result<()> {
        let platform = Arc::new(Platform::open().await?);
        let outcome = match &self {
            Self::Setup => setup::setup(&platform).await,
            Self::Ask { token, question } => ask::ask(&platform, token, question).await,
            Self::Work => work::work(&platform).await,
            Self::Show { conversation } => show::show(&platform, conversation).await,
        };
        // Also after a failure: what was accepted is written.
        platform.close().await?;
        outcome
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if matches!(words.first().map(String::as_str), None | Some("help" | "--help" | "-h")) {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let Some(command) = Command::parse(&words) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match command.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
