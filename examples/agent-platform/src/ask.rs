//! A request from outside: a token, and a question.

use serde_json::json;
use store_core::chatkit::{ChatContext, NewThread, NewThreadItem};
use store_core::workflow::NewRun;
use store_core::{Actor, OwnerId};
use store_tokens::AuthenticationRequest;

use crate::platform::{Platform, Result, WORKFLOW};

/// Begins a conversation and a run that will answer, and prints the conversation's id.
pub async fn ask(platform: &Platform, token: &str, question: &str) -> Result<()> {
    let request =
        AuthenticationRequest { required_scopes: &["ask"], ..AuthenticationRequest::default() };
    let token = platform.tokens.authenticate(token, &request).await?;
    let workflow = platform.workflows.resolve_workflow(WORKFLOW, false).await?;

    // Whoever has the token owns the conversation: nobody else sees it.
    let owner = OwnerId::new(token.identifier.to_string())?;
    let chat = ChatContext::new(owner.clone()).with_workflow(workflow.id.to_string());
    let thread = platform.chats.generate_thread_id()?;
    platform.chats.save_thread(&chat, NewThread::new(thread.clone())).await?;
    let message = NewThreadItem::from_json(json!({
        "id": "msg_question", "type": "user_message",
        "content": [{ "type": "input_text", "text": question }],
    }))?;
    platform.chats.add_thread_item(&chat, &thread, message).await?;

    // The run and its job are one transaction: a worker finds it, however this process ends.
    let mut run = NewRun::new(workflow.id, "question");
    run.input = json!({"owner": owner, "thread": thread, "question": question});
    run.idempotency_key = Some(thread.to_string());
    let actor = Actor::new(token.identifier.to_string())?;
    platform.workflows.create_run(&actor, run).await?;
    println!("{thread}");
    Ok(())
}
