//! Only one process at a time sets a server up.
//!
//! Without this, one that comes a moment later takes the half made directory for a leftover and
//! removes it. `File::lock` would do, but is newer than the compiler we support.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::Result;
use crate::sh::Cmd;

/// The first use may install a package.
const PATIENCE: Duration = Duration::from_secs(600);

/// Held until dropped. The file names the process, so that a killed one does not block others.
pub(crate) struct Lock(PathBuf);

impl Lock {
    /// Waits for the lock of a name.
    pub(crate) fn acquire(target: &Path, name: &str) -> Result<Lock> {
        fs::create_dir_all(target)?;
        let path = target.join(name);
        let deadline = Instant::now() + PATIENCE;
        loop {
            match File::create_new(&path) {
                Ok(mut file) => {
                    write!(file, "{}", std::process::id())?;
                    return Ok(Lock(path));
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(format!("{}: {error}", path.display()).into()),
            }
            if Instant::now() > deadline {
                return Err(format!("another process holds {}", path.display()).into());
            }
            std::thread::sleep(Duration::from_millis(100));
            if is_abandoned(&path) {
                // Gone already means that its holder, or another waiter, was faster.
                let _ = fs::remove_file(&path);
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// An empty file is one whose holder is about to write its id.
fn is_abandoned(path: &Path) -> bool {
    let holder = fs::read_to_string(path).unwrap_or_default();
    !holder.is_empty() && !Cmd::new("kill").args(["-0", &holder]).succeeds()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_dir::TestDir;

    #[test]
    fn the_lock_of_a_dead_process_is_taken_over() {
        let dir = TestDir::new();
        // Larger than any process id.
        dir.write("pg.lock", "999999999");
        let lock = Lock::acquire(dir.path(), "pg.lock").unwrap();
        assert_eq!(dir.read("pg.lock"), std::process::id().to_string());
        drop(lock);
        assert!(!dir.path().join("pg.lock").exists());
    }
}
