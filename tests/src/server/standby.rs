//! Streaming replication: a server that follows another, and takes its place.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::template::run;
use super::{Server, Setup};

impl Setup {
    /// Makes every commit wait until a standby has it on its disk: start one before anything is
    /// written.
    #[must_use]
    pub fn synchronous(self) -> Self {
        self.setting("synchronous_standby_names", "*")
    }
}

impl Server {
    /// Starts a standby, which streams from this server through a replication slot of its own and
    /// answers reads. It waits for no standby itself, so that it can go on alone once promoted.
    ///
    /// # Panics
    /// When it cannot be copied, or does not start.
    #[must_use]
    pub fn standby(&self) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let slot = format!("standby_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let dir = self.account.temporary_directory();
        let primary = format!("host=127.0.0.1 port={} user=postgres password=postgres", self.port);
        run(self
            .account
            .command("pg_basebackup", dir.path())
            .args(["--create-slot", &format!("--slot={slot}"), "--write-recovery-conf"])
            .args(["--checkpoint=fast", "--no-sync", &format!("--dbname={primary}")])
            .arg(format!("--pgdata={}", dir.path().join("data").display())));
        let (account, template) = (self.account.clone(), Arc::clone(&self._template));
        let mut standby = Self { port: 0, process: None, dir, account, _template: template };
        standby.configure([("synchronous_standby_names".into(), String::new())].into_iter());
        standby.start_on_a_free_port();
        standby
    }

    /// Makes a standby a primary; returns when it accepts writes.
    ///
    /// # Panics
    /// When it is none, or is not promoted.
    pub fn promote(&self) {
        run(self
            .account
            .command("pg_ctl", self.dir.path())
            .args(["promote", "--silent", "--wait", "--pgdata"])
            .arg(self.data()));
    }
}
