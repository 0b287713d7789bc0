//! A data directory to copy: `initdb` takes longer than everything else together.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tempfile::TempDir;

use super::account::Account;

/// A data directory that no server runs on. It goes with the last server of the process.
#[derive(Debug)]
pub(super) struct Template {
    dir: TempDir,
    pub(super) account: Account,
}

impl Template {
    /// The template of this process, made when it is first asked for.
    pub(super) fn get() -> Arc<Self> {
        static MADE: Mutex<Weak<Template>> = Mutex::new(Weak::new());
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(template) = made.upgrade() {
            return template;
        }
        let template = Arc::new(Self::make());
        *made = Arc::downgrade(&template);
        template
    }

    fn make() -> Self {
        let account = Account::find();
        let dir = account.temporary_directory();
        let password = dir.path().join("password");
        account.write(&password, "postgres");
        let template = Self { dir, account };
        run(template
            .account
            .command("initdb", template.dir.path())
            .args(["--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"])
            // Tests need a wrong password to fail, so no trust over TCP.
            .args(["--auth-host=scram-sha-256", "--auth-local=trust"])
            .arg(format!("--pwfile={}", password.display()))
            .arg(format!("--pgdata={}", template.data().display())));
        template
    }

    pub(super) fn copy_to(&self, data: &Path) {
        let cp = "cp".as_ref();
        run(self.account.run(cp, self.dir.path()).arg("-R").arg(self.data()).arg(data));
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }
}

pub(super) fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|cause| {
        panic!(
            "{} does not run ({cause}): install PostgreSQL's server, or set \
             STORE_TEST_POSTGRES_BIN to the directory of its binaries",
            command.get_program().display()
        )
    });
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} failed: {said}", command.get_program().display());
}
