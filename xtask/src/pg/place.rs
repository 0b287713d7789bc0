//! Where the throw-away server's files are, and the user that owns them.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::is_root;
use crate::Result;
use crate::sh::Cmd;

/// The user that runs the server when we are root.
const SERVER_USER: &str = "postgres";

/// A directory of the server's user.
pub(crate) struct Place {
    pub(crate) dir: PathBuf,
    as_root: bool,
}

impl Place {
    /// Where this target directory's server of a name is or was, if there was one.
    pub(crate) fn find(target: &Path, name: &str) -> Result<Option<Place>> {
        let mut candidates = candidates(target, name).into_iter();
        let Some(place) = candidates.find(|place| place.dir.exists()) else {
            return Ok(None);
        };
        if place.command("test").arg("-O").arg(&place.dir).succeeds() {
            return Ok(Some(place));
        }
        Err(format!("{} is not ours: remove it", place.dir.display()).into())
    }

    /// Makes the directory in the first place where the server's user can work.
    pub(crate) fn claim(target: &Path, name: &str) -> Result<Place> {
        fs::create_dir_all(target)?;
        candidates(target, name).into_iter().find(Place::make).ok_or_else(|| {
            let user = if is_root() { SERVER_USER } else { "you" };
            format!("no place for the server's files: can {user} write to {}?", target.display())
                .into()
        })
    }

    /// Never takes over a directory that exists: in a temporary directory it may be anyone's.
    fn make(&self) -> bool {
        if self.command("mkdir").args(["-m", "700"]).arg(&self.dir).succeeds() {
            return true;
        }
        // As root we can make one where that user may only pass through.
        if !self.as_root || fs::create_dir(&self.dir).is_err() {
            return false;
        }
        let usable = Cmd::new("chown").arg(SERVER_USER).arg(&self.dir).succeeds()
            && self.command("test").arg("-w").arg(&self.dir).succeeds();
        if !usable {
            // It is empty, and the next place is tried.
            let _ = fs::remove_dir(&self.dir);
        }
        usable
    }

    /// A command run as the user that owns the directory.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Cmd {
        let cmd = if self.as_root {
            Cmd::new("runuser").args(["-u", SERVER_USER, "--"]).arg(program)
        } else {
            Cmd::new(program)
        };
        // The current directory may be one that this user may not enter.
        cmd.dir(Path::new("/"))
    }
}

/// Best first. Only root needs a second one: the server's user often cannot reach a directory below
/// root's home.
fn candidates(target: &Path, name: &str) -> Vec<Place> {
    let as_root = is_root();
    let mut places = vec![Place { dir: target.join(name), as_root }];
    if as_root {
        let hash = Sha256::digest(target.to_string_lossy().as_bytes());
        let hash: String = hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let dir = std::env::temp_dir().join(format!("xtask-{name}-{hash}"));
        places.push(Place { dir, as_root });
    }
    places
}
