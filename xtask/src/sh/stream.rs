//! Reading a child's output while it is shown.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::sync::mpsc::{self, Sender};
use std::thread;

use super::Cmd;
use crate::Result;

impl Cmd {
    /// Runs it, passing each line of its output on to the terminal and to `seen`.
    /// Returns whether it succeeded.
    pub(crate) fn stream(mut self, mut seen: impl FnMut(&str)) -> Result<bool> {
        self.print();
        self.inner.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.inner.spawn().map_err(|error| self.cannot_start(&error))?;
        let (sender, lines) = mpsc::channel();
        let stdout = child.stdout.take().map(|pipe| tee(pipe, io::stdout(), sender.clone()));
        let stderr = child.stderr.take().map(|pipe| tee(pipe, io::stderr(), sender));
        for line in lines {
            seen(&line);
        }
        for thread in [stdout, stderr].into_iter().flatten() {
            thread.join().map_err(|_panic| format!("{self}: its output could not be read"))?;
        }
        Ok(child.wait()?.success())
    }
}

/// Copies a child's pipe to our own stream line by line, and each line to the channel.
fn tee<R, W>(pipe: R, mut shown: W, lines: Sender<String>) -> thread::JoinHandle<()>
where
    R: Read + Send + 'static,
    W: Write + Send + 'static,
{
    thread::spawn(move || {
        // Split at bytes: a test may print something that is not UTF-8.
        for line in BufReader::new(pipe).split(b'\n').map_while(io::Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            // A closed terminal must not stop the child half way: go on reading.
            let _ = writeln!(shown, "{line}");
            let _ = lines.send(line);
        }
    })
}
