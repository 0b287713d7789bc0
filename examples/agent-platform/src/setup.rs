//! What there is before the first question. It may be run as often as one likes.

use serde_json::json;
use store_core::tokens::{AuditOrigin, TokenGrant};
use store_core::vault::{AccessContext, CredentialScope, NewCredential};
use store_core::workflow::{NewVersion, NewWorkflow, Workflow};
use store_core::{Error, ExposeSecret};

use crate::platform::{MODEL_KEY, Platform, Result, WORKFLOW, operator};

/// Makes workflow and credential unless they are there, and prints a new token.
pub async fn setup(platform: &Platform) -> Result<()> {
    let workflow = workflow(platform).await?;
    let administrator = AccessContext::administrator(operator()?);
    if platform.vault.find_by_name(&administrator, MODEL_KEY).await?.is_none() {
        // Only runs of this workflow can reveal it.
        let scope = CredentialScope::of_workflow(workflow.id.to_string());
        let key = NewCredential::secret(MODEL_KEY, "model", "sk-example").within(scope);
        platform.vault.create(&administrator, key).await?;
    }
    let grant = TokenGrant {
        name: Some("ada's laptop".into()),
        scopes: ["ask".to_owned()].into(),
        ..TokenGrant::default()
    };
    let (secret, _token) = platform.tokens.mint(grant, &AuditOrigin::of(operator()?)).await?;
    println!("{}", secret.expose_secret());
    Ok(())
}

/// Of several processes that do this at once, one makes it.
async fn workflow(platform: &Platform) -> Result<Workflow> {
    let named = NewWorkflow { handle: Some(WORKFLOW.into()), ..NewWorkflow::named("Assistant") };
    match platform.workflows.create_workflow(&operator()?, named).await {
        Ok(workflow) => {
            let graph = json!({"nodes": ["think", "answer"], "edges": [["think", "answer"]]});
            let version = NewVersion::new(workflow.id, graph);
            platform.workflows.create_version(&operator()?, version).await?;
            Ok(workflow)
        }
        Err(Error::Conflict { .. }) => {
            Ok(platform.workflows.resolve_workflow(WORKFLOW, false).await?)
        }
        Err(error) => Err(error.into()),
    }
}
