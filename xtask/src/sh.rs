//! Child processes: built, printed, run.

mod stream;
mod talk;

pub(crate) use talk::Talk;

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::Result;

/// A command line that is printed before it runs.
pub(crate) struct Cmd {
    inner: Command,
    variables: Vec<String>,
    words: Vec<String>,
    quiet: bool,
}

impl Cmd {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Cmd {
        let words = vec![quote(&program.as_ref().to_string_lossy())];
        Cmd { inner: Command::new(program), variables: vec![], words, quiet: false }
    }

    /// `cargo` with these first arguments.
    pub(crate) fn cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Cmd {
        Cmd::new("cargo").args(args)
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Cmd {
        self.words.push(quote(&arg.as_ref().to_string_lossy()));
        self.inner.arg(arg);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(self, args: impl IntoIterator<Item = S>) -> Cmd {
        args.into_iter().fold(self, Cmd::arg)
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Cmd {
        self.variables.push(format!("{name}={}", quote(&value.as_ref().to_string_lossy())));
        self.inner.env(name, value);
        self
    }

    /// A variable whose value is not printed: it may hold a password.
    pub(crate) fn secret_env(mut self, name: &str, value: &str) -> Cmd {
        self.variables.push(format!("{name}=…"));
        self.inner.env(name, value);
        self
    }

    /// An argument that is not printed: it may hold a password.
    pub(crate) fn secret_arg(mut self, arg: &str) -> Cmd {
        self.words.push("…".to_owned());
        self.inner.arg(arg);
        self
    }

    pub(crate) fn dir(mut self, dir: &Path) -> Cmd {
        self.inner.current_dir(dir);
        self
    }

    /// For probes: neither the command line nor its errors are of interest.
    pub(crate) fn quiet(mut self) -> Cmd {
        self.quiet = true;
        self.inner.stderr(Stdio::null());
        self
    }

    /// For programs that talk a lot when all goes well.
    pub(crate) fn hide_stdout(mut self) -> Cmd {
        self.inner.stdout(Stdio::null());
        self
    }

    /// Keeps our standard output for the result (a URL, say) and shows the child's on stderr.
    pub(crate) fn stdout_to_stderr(mut self) -> Cmd {
        self.inner.stdout(io::stderr());
        self
    }

    /// Runs it to the end; a status other than zero is an error.
    pub(crate) fn run(mut self) -> Result<()> {
        self.print();
        let status = self.inner.status().map_err(|error| self.cannot_start(&error))?;
        if status.success() { Ok(()) } else { Err(format!("{self}: {status}").into()) }
    }

    /// Whether it starts and ends with status zero; a probe, so nothing is printed.
    pub(crate) fn succeeds(self) -> bool {
        let mut probe = self.quiet();
        probe.inner.stdin(Stdio::null()).stdout(Stdio::null());
        probe.inner.status().is_ok_and(|status| status.success())
    }

    /// Runs it and returns what it wrote to its standard output.
    pub(crate) fn read(mut self) -> Result<String> {
        self.print();
        // `output` would capture stderr too, unless told where it goes.
        self.inner.stderr(if self.quiet { Stdio::null() } else { Stdio::inherit() });
        let output = self.inner.output().map_err(|error| self.cannot_start(&error))?;
        if !output.status.success() {
            return Err(format!("{self}: {}", output.status).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Starts it with its output in a file, and does not wait for it.
    pub(crate) fn spawn_into(mut self, log: &Path) -> Result<Child> {
        self.print();
        let file = File::create(log)?;
        self.inner.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        self.inner.spawn().map_err(|error| self.cannot_start(&error).into())
    }

    fn print(&self) {
        if !self.quiet {
            eprintln!("+ {self}");
        }
    }

    fn cannot_start(&self, error: &io::Error) -> String {
        format!("{}: {error}", self.words[0])
    }
}

impl std::fmt::Display for Cmd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<&str> =
            self.variables.iter().chain(&self.words).map(String::as_str).collect();
        f.write_str(&words.join(" "))
    }
}

/// Quotes a word for a POSIX shell if it needs it.
pub(crate) fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+:,./@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
