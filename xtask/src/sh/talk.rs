//! A child that says lines and waits for them.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use super::Cmd;
use crate::Result;

/// A child with pipes. It is killed when it is dropped before its end.
pub(crate) struct Talk {
    child: Child,
    words: String,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Cmd {
    /// Starts it, to talk to.
    pub(crate) fn talk(mut self) -> Result<Talk> {
        self.print();
        self.inner.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = self.inner.spawn().map_err(|error| self.cannot_start(&error))?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().ok_or("it has no output")?);
        Ok(Talk { child, words: self.to_string(), input, output })
    }
}

impl Talk {
    /// Waits for a line, which has to be this one.
    pub(crate) fn hear(&mut self, expected: &str) -> Result<()> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        if line.trim() == expected { Ok(()) } else { Err(format!("{}: {line}", self.words).into()) }
    }

    /// Says that it may go on.
    pub(crate) fn go(&mut self) -> Result<()> {
        let mut input = self.input.take().ok_or("it was told already")?;
        Ok(writeln!(input)?)
    }

    /// Shows what it says from now on, and waits for its end; a status other than zero is an error.
    pub(crate) fn end(mut self) -> Result<()> {
        for line in (&mut self.output).lines() {
            eprintln!("{}", line?);
        }
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("{}: {status}", self.words).into()) }
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
