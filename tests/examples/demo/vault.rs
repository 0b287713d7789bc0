//! Credentials: from the sealing of one to the change of the key that seals.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use store_core::vault::{
    AccessContext, AlertKind, AlertSeverity, Credential, CredentialKind, CredentialScope,
    CredentialUpdate, NewAlert, NewCredential, NewIssuance, NewTemplate, OAuthTokens, VaultStore,
};
use store_core::{
    Actor, CredentialId, Databases, ExposeSecret as _, PageRequest, Settings, Subsystem,
    SystemClock, Timestamp,
};
use store_vault::keys::{KeyFile, KeyProvider};
use store_vault::{RefreshOptions, with_refresh_lease};

use crate::Result;
use crate::report::{self, Report};

/// How many tasks find the tokens stale at once.
const TASKS: usize = 20;

/// Tells the whole part, and returns the vault.
pub(crate) async fn tell(
    report: &mut Report,
    databases: &Databases,
) -> Result<Arc<dyn VaultStore>> {
    let settings = databases.settings();
    let keys = Keys::of(settings)?;
    report::note(keys.shown());
    let vault = store_vault::open_with(databases, &*keys.provider).await?;
    let ada = AccessContext::administrator(Actor::new("ada@example.com")?);
    let secret = keep(report, vault.as_ref(), &ada).await?;
    change(report, vault.as_ref(), &ada, &secret).await?;
    let oauth = issue(report, vault.as_ref(), &ada).await?;
    refresh(report, &vault, &ada, oauth.id).await?;
    audit(report, vault.as_ref(), &ada, secret.id).await?;
    let vault = rewrap(report, databases, vault, &keys, &ada, &secret).await?;
    for id in [secret.id, oauth.id] {
        vault.delete(&ada, id).await?;
    }
    Ok(vault)
}

/// Where the keys come from: the settings, or a file beside the database.
struct Keys {
    provider: Box<dyn KeyProvider>,
    file: Option<PathBuf>,
}

impl Keys {
    fn of(settings: &Settings) -> Result<Self> {
        if settings.vault_key().is_some() {
            return Ok(Self { provider: store_vault::keys::provider(settings)?, file: None });
        }
        let file = settings.sqlite_path(Subsystem::Vault).with_extension("vault-keys");
        if let Some(directory) = file.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let provider = Box::new(KeyFile::new(&file).create_missing(true));
        Ok(Self { provider, file: Some(file) })
    }

    fn shown(&self) -> String {
        match &self.file {
            Some(file) => format!("Keys: {}, made when it is not there", file.display()),
            None => "Keys: those of the settings".to_owned(),
        }
    }
}

async fn keep(
    report: &mut Report,
    vault: &dyn VaultStore,
    ada: &AccessContext,
) -> Result<Credential> {
    report.section("Keep a credential");
    let name = format!("Demo Slack {}", CredentialId::mint());
    let new = NewCredential::secret(&name, "slack", "xoxb-demo-1")
        .within(CredentialScope::of_workflow("triage"));
    let (created, took) = report::timed(vault.create(ada, new.clone())).await;
    let credential = created?;
    report::done(format!("{name}, sealed with key {}", credential.key_id), took);
    let again = vault.create(ada, NewCredential { name: name.to_uppercase(), ..new }).await;
    let Err(refused) = again else { return Err("the name was taken twice".into()) };
    report::note(format!("in capitals: {refused}"));
    let elsewhere = AccessContext::new(Actor::new("worker")?).in_workflow("billing");
    let Err(denied) = vault.reveal(&elsewhere, credential.id).await else {
        return Err("it was revealed to another workflow".into());
    };
    report::note(format!("revealed to another workflow: {denied}"));
    let worker = AccessContext::new(Actor::new("worker")?).in_workflow("triage");
    let (revealed, took) = report::timed(vault.reveal(&worker, credential.id)).await;
    let revealed = revealed?.expose_secret().len();
    report::done(format!("revealed to its workflow: {revealed} bytes"), took);
    Ok(credential)
}

async fn change(
    report: &mut Report,
    vault: &dyn VaultStore,
    ada: &AccessContext,
    credential: &Credential,
) -> Result<()> {
    report.section("Rotate it, and take the rotation back");
    let id = credential.id;
    let (rotated, took) = report::timed(vault.rotate(ada, id, "xoxb-demo-2".into())).await;
    report::done(format!("version {} of the secret", rotated?.secret_version), took);
    let same = vault.rotate(ada, id, "xoxb-demo-2".into()).await;
    let Err(refused) = same else { return Err("it was rotated to the same secret".into()) };
    report::note(format!("to the same secret: {refused}"));
    let (restored, took) = report::timed(vault.restore_version(ada, id, 1)).await;
    report::done(format!("version 1 again, as version {}", restored?.secret_version), took);
    let scope = CredentialScope::of_roles(["ops"]);
    let update = CredentialUpdate { scope: Some(scope), ..CredentialUpdate::default() };
    let (updated, took) = report::timed(vault.update(ada, id, update)).await;
    report::done(format!("for operators now, row version {}", updated?.row_version), took);
    Ok(())
}

async fn issue(
    report: &mut Report,
    vault: &dyn VaultStore,
    ada: &AccessContext,
) -> Result<Credential> {
    report.section("Issue one from a template");
    let name = format!("Demo Google {}", CredentialId::mint());
    let mut new = NewTemplate::new(&name, "google", CredentialKind::OAuth);
    new.issuance_policy.require_refresh_token = true;
    new.issuance_policy.rotation_period_days = Some(90);
    let template = vault.create_template(ada, new).await?;
    let without = vault.issue_from_template(ada, template.id, NewIssuance::of("client")).await;
    let Err(refused) = without else { return Err("the policy was not enforced".into()) };
    report::note(format!("without a refresh token: {refused}"));
    let tokens = OAuthTokens {
        access_token: Some("ya29-demo".into()),
        refresh_token: Some("1//demo".into()),
        expires_at: Some(Timestamp::EPOCH),
    };
    let issuance = NewIssuance { oauth: Some(tokens), ..NewIssuance::of("client") };
    let (issued, took) = report::timed(vault.issue_from_template(ada, template.id, issuance)).await;
    let issued = issued?;
    report::done(format!("{name}, to be rotated every 90 days"), took);
    let expiring = vault.expiring(ada, None, &PageRequest::default()).await?;
    let alert = NewAlert {
        kind: AlertKind::TokenExpiring,
        severity: AlertSeverity::Warning,
        message: "the access token has ended".into(),
        credential_id: Some(issued.id),
        template_id: None,
    };
    vault.record_alert(ada, alert.clone()).await?;
    vault.record_alert(ada, alert).await?;
    let described = vault.describe(ada, issued.id).await?;
    let (count, open) = (expiring.items.len(), described.open_alerts);
    report::note(format!("{count} with a token that ends soon, {open} alert for two reports"));
    vault.delete_template(ada, template.id).await?;
    Ok(issued)
}

async fn refresh(
    report: &mut Report,
    vault: &Arc<dyn VaultStore>,
    ada: &AccessContext,
    id: CredentialId,
) -> Result<()> {
    report.section("Refresh its tokens");
    let calls = Arc::new(AtomicUsize::new(0));
    let work = async {
        let mut tasks = Vec::new();
        for _ in 0..TASKS {
            let (vault, ada, calls) = (Arc::clone(vault), ada.clone(), Arc::clone(&calls));
            tasks.push(tokio::spawn(
                async move { refresh_one(vault.as_ref(), &ada, id, &calls).await },
            ));
        }
        for task in tasks {
            task.await??;
        }
        Ok::<(), crate::Error>(())
    };
    let (refreshed, took) = report::timed(work).await;
    refreshed?;
    let calls = calls.load(Ordering::SeqCst);
    report::done(
        format!("{TASKS} tasks found them stale, the provider was asked {calls} time"),
        took,
    );
    if calls == 1 { Ok(()) } else { Err("the refresh was not done once".into()) }
}

async fn refresh_one(
    vault: &dyn VaultStore,
    ada: &AccessContext,
    id: CredentialId,
    calls: &AtomicUsize,
) -> store_core::Result<OAuthTokens> {
    let options = RefreshOptions::default();
    with_refresh_lease(vault, ada, id, &options, async |_stale| {
        calls.fetch_add(1, Ordering::SeqCst);
        let hour = Duration::from_secs(3600);
        Ok(OAuthTokens {
            access_token: Some("ya29-demo-2".into()),
            refresh_token: None,
            expires_at: Some(store_core::Clock::now(&SystemClock).plus(hour)?),
        })
    })
    .await
}

async fn audit(
    report: &mut Report,
    vault: &dyn VaultStore,
    ada: &AccessContext,
    id: CredentialId,
) -> Result<()> {
    report.section("Check its audit");
    for entry in vault.audit(ada, id.into(), &PageRequest::default()).await?.items {
        let (at, action, actor) = (entry.sequence, entry.action, entry.actor);
        report::note(format!("{at}. {action} by {actor}: {}", entry.details));
    }
    let (checked, took) = report::timed(vault.verify_audit(ada, id.into())).await;
    let checked = checked?;
    if !checked.is_intact() {
        return Err(format!("the audit is not intact: {:?}", checked.faults).into());
    }
    report::done(format!("the chain of {} entries is intact", checked.entries), took);
    Ok(())
}

async fn rewrap(
    report: &mut Report,
    databases: &Databases,
    vault: Arc<dyn VaultStore>,
    keys: &Keys,
    ada: &AccessContext,
    secret: &Credential,
) -> Result<Arc<dyn VaultStore>> {
    report.section("Change the key");
    let Some(file) = &keys.file else {
        report::note("not here: the keys are those of your settings");
        return Ok(vault);
    };
    let old = std::fs::read_to_string(file)?;
    let mut key = [0_u8; 32];
    getrandom::fill(&mut key).map_err(|cause| format!("no random key: {cause}"))?;
    let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    write(file, &format!("{key}\n{old}"))?;
    let changed = store_vault::open_with(databases, &*keys.provider).await?;
    report::note("opened with the new key to seal, and the old one to read");
    let (rewrapped, took) = report::timed(changed.rewrap(ada, 100)).await;
    let rewrapped = rewrapped?;
    report::done(format!("{} values have the new key, none was decrypted", rewrapped.values), took);
    report::note(format!("keys that open nothing any more: {}", rewrapped.forgotten.join(", ")));
    write(file, &format!("{key}\n"))?;
    let alone = store_vault::open_with(databases, &*keys.provider).await?;
    let revealed = alone.reveal(ada, secret.id).await?;
    if revealed.expose_secret() != "xoxb-demo-1" {
        return Err("another secret came back".into());
    }
    report::note("opened with the new key alone: the secret is the one that was kept");
    Ok(alone)
}

/// Replaces the file of keys, which only its owner may read.
fn write(file: &Path, text: &str) -> Result<()> {
    use std::io::Write as _;

    let beside = file.with_extension("vault-keys-new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut new = options.open(&beside)?;
    new.write_all(text.as_bytes())?;
    new.sync_all()?;
    std::fs::rename(&beside, file)?;
    Ok(())
}
