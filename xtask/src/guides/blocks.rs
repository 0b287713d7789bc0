//! The blocks of a guide that are commands.

use crate::Result;

/// A guide and what of it is run.
#[derive(Debug)]
pub(super) struct Guide {
    pub(super) file: String,
    pub(super) commands: Vec<Command>,
    /// Line and reason of each block that is not run.
    pub(super) skipped: Vec<(usize, String)>,
}

/// A command, or several lines of a script.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) line: usize,
    pub(super) kind: Kind,
    pub(super) text: String,
    /// The exit code it has to end with.
    pub(super) exit: u8,
    /// Lines that have to be in its output.
    pub(super) shown: Vec<String>,
}

/// Who carries it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Shell,
    Sql,
}

/// What a comment says of the block below it.
#[derive(Default)]
struct Directives {
    skip: Option<String>,
    exit: u8,
}

impl Guide {
    pub(super) fn parse(file: &str, text: &str) -> Result<Guide> {
        let mut guide = Guide { file: file.to_owned(), commands: Vec::new(), skipped: Vec::new() };
        let mut directives = Directives::default();
        let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
        while let Some((at, line)) = lines.next() {
            if let Some(first) = line.trim_start().strip_prefix("<!-- guides:") {
                let mut comment = first.to_owned();
                while !comment.contains("-->") {
                    let Some((_, line)) = lines.next() else {
                        return Err(format!("{file}:{at}: the comment does not end").into());
                    };
                    comment.push('\n');
                    comment.push_str(line);
                }
                let comment = comment.split("-->").next().unwrap_or_default();
                guide.directive(at, comment.trim(), &mut directives)?;
            } else if let Some(language) = line.trim_start().strip_prefix("```") {
                let indent = line.len() - line.trim_start().len();
                let body: Vec<(usize, String)> = lines
                    .by_ref()
                    .take_while(|(_, line)| line.trim_start() != "```")
                    .map(|(at, line)| (at, line.get(indent..).unwrap_or_default().to_owned()))
                    .collect();
                guide.block(at, language, &body, &std::mem::take(&mut directives));
            }
        }
        Ok(guide)
    }

    fn directive(&mut self, at: usize, text: &str, directives: &mut Directives) -> Result<()> {
        let unknown = || format!("{}:{at}: `guides: {text}` is not understood", self.file);
        if let Some(commands) = text.strip_prefix("setup\n") {
            self.push(at, Kind::Shell, commands.to_owned(), 0);
        } else if let Some(reason) = text.strip_prefix("skip:").filter(|text| text.len() > 3) {
            directives.skip = Some(reason.trim().to_owned());
        } else if let Some(code) = text.strip_prefix("exit ") {
            directives.exit = code.parse().map_err(|_not_a_code| unknown())?;
        } else {
            return Err(unknown().into());
        }
        Ok(())
    }

    fn block(&mut self, at: usize, language: &str, body: &[(usize, String)], how: &Directives) {
        let before = self.commands.len();
        match language {
            "console" => self.console(body),
            "sh" | "bash" => self.script(at, Kind::Shell, body),
            "sql" => self.script(at, Kind::Sql, body),
            _ => return,
        }
        if let Some(reason) = &how.skip {
            self.commands.truncate(before);
            self.skipped.push((at, reason.clone()));
        } else if let Some(last) = self.commands[before..].last_mut() {
            last.exit = how.exit;
        }
    }

    /// Commands begin with `$`, go on after a backslash, and have their output below them.
    fn console(&mut self, body: &[(usize, String)]) {
        let (before, mut goes_on) = (self.commands.len(), false);
        for (at, line) in body {
            if let Some(command) = line.strip_prefix("$ ") {
                self.push(*at, Kind::Shell, command.to_owned(), 0);
            } else if let Some(command) = self.commands[before..].last_mut() {
                if goes_on {
                    command.text.push('\n');
                    command.text.push_str(line);
                } else if !line.trim().is_empty() {
                    command.shown.push(line.trim().to_owned());
                }
            }
            goes_on = line.ends_with('\\') && (goes_on || line.starts_with("$ "));
        }
    }

    fn script(&mut self, at: usize, kind: Kind, body: &[(usize, String)]) {
        let lines: Vec<&str> = body.iter().map(|(_, line)| line.as_str()).collect();
        self.push(at, kind, lines.join("\n"), 0);
    }

    fn push(&mut self, line: usize, kind: Kind, text: String, exit: u8) {
        self.commands.push(Command { line, kind, text, exit, shown: Vec::new() });
    }

    pub(super) fn has_commands(&self) -> bool {
        !self.commands.is_empty()
    }

    pub(super) fn print(&self) {
        for command in &self.commands {
            println!("{}:{}: {}", self.file, command.line, command.text);
        }
        for (line, reason) in &self.skipped {
            println!("{}:{line}: skipped: {reason}", self.file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUIDE: &str = "
Text.

<!-- guides: setup
touch a
-->
```console
$ ls \\
    -a
a

$ false
```

```ini
NAME=value
```

<!-- guides: skip: it needs a cluster -->
```sh
kubectl get pods
```

- indented
  <!-- not ours -->
  ```sql
  SELECT 1;
  ```

<!-- guides: exit 4 -->
```sh
cd /
exit 4
```
";

    fn command(line: usize, kind: Kind, text: &str) -> Command {
        Command { line, kind, text: text.to_owned(), exit: 0, shown: Vec::new() }
    }

    #[test]
    fn commands_are_found_with_their_output_and_what_is_said_of_them() {
        let guide = Guide::parse("a.md", GUIDE).unwrap();
        let expected = [
            command(4, Kind::Shell, "touch a"),
            Command { shown: vec!["a".into()], ..command(8, Kind::Shell, "ls \\\n    -a") },
            command(12, Kind::Shell, "false"),
            command(26, Kind::Sql, "SELECT 1;"),
            Command { exit: 4, ..command(31, Kind::Shell, "cd /\nexit 4") },
        ];
        assert_eq!(guide.commands, expected);
        assert_eq!(guide.skipped, [(20, "it needs a cluster".to_owned())]);
    }

    #[test]
    fn what_is_not_understood_is_an_error_that_names_the_line() {
        for comment in
            ["<!-- guides: skip -->", "<!-- guides: skip: -->", "<!-- guides: exit x -->"]
        {
            let error = Guide::parse("a.md", comment).unwrap_err().to_string();
            assert!(error.starts_with("a.md:1: "), "{error}");
        }
        assert!(Guide::parse("a.md", "<!-- guides: setup\ntouch a\n").is_err());
    }
}
