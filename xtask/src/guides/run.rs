//! A guide, run: one shell, one directory, one database.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

use super::blocks::{Command, Guide, Kind};
use crate::Result;
use crate::pg::Server;
use crate::sh::quote;
use crate::workspace::Workspace;

/// How long a guide may take.
const LIMIT: Duration = Duration::from_secs(600);
/// Begins a line of the shell's output that is ours.
const MARK: char = '\u{1e}';
/// What a DSN of an example looks like, up to the name of the role.
const EXAMPLE: [&str; 2] = ["postgres://", "postgresql://"];
/// The host of an example.
const EXAMPLE_HOST: &str = "@db.example.com";

/// Runs a guide and returns what went wrong.
pub(super) fn guide(guide: &Guide, workspace: &Workspace, server: &Server) -> Result<Vec<String>> {
    let began = Instant::now();
    let place = Place::make(guide, workspace)?;
    let name = format!("guide_{}", std::process::id());
    let admin = server.url().to_owned();
    psql(server, &admin, &format!("DROP DATABASE IF EXISTS {name}"))?;
    psql(server, &admin, &format!("CREATE DATABASE {name}"))?;
    let dsn = in_database(&admin, &name)?;
    let log = place.directory.join("guide.log");
    let ended = shell(guide, &place, server, &dsn, &log)?;
    psql(server, &admin, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))?;
    let output = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    let problems = judge(guide, &output, ended);
    let (commands, seconds) = (guide.commands.len(), began.elapsed().as_secs_f64());
    println!(
        "guides: {}: {commands} run, {} skipped, {seconds:.1} s",
        guide.file,
        guide.skipped.len()
    );
    if problems.is_empty() {
        fs::remove_dir_all(&place.directory)?;
    } else {
        eprintln!("{}\nguides: this is in {}", output.replace(MARK, "+ "), log.display());
    }
    Ok(problems)
}

/// Where a guide is run.
struct Place {
    directory: PathBuf,
    work: PathBuf,
    root: PathBuf,
    programs: PathBuf,
}

impl Place {
    fn make(guide: &Guide, workspace: &Workspace) -> Result<Place> {
        let name = guide.file.replace('/', "-");
        let directory = workspace.target.join("guides").join(name);
        if directory.exists() {
            fs::remove_dir_all(&directory)?;
        }
        let own = directory.join("work");
        fs::create_dir_all(&own)?;
        #[cfg(unix)]
        std::os::unix::fs::symlink(workspace.root.join("deploy"), own.join("deploy"))?;
        // A guide beside the workspace's files is about them.
        let work = if guide.file.contains('/') { own } else { workspace.root.clone() };
        let (root, programs) = (workspace.root.clone(), workspace.target.join("debug"));
        Ok(Place { directory, work, root, programs })
    }
}

/// Runs a statement as the administrator.
fn psql(server: &Server, url: &str, statement: &str) -> Result<()> {
    let psql =
        server.client("psql").quiet().args(["--no-psqlrc", "--quiet", "--command", statement]);
    psql.secret_arg(url).read().map(drop)
}

/// The URL of a server with another database.
fn in_database(url: &str, name: &str) -> Result<String> {
    let (server, rest) = url.rsplit_once('/').ok_or("the server's URL has no database")?;
    let parameters = rest.split_once('?').map_or(String::new(), |(_, all)| format!("?{all}"));
    Ok(format!("{server}/{name}{parameters}"))
}

/// Runs the commands in one shell; returns whether it came to its end in time.
fn shell(guide: &Guide, place: &Place, server: &Server, dsn: &str, log: &Path) -> Result<bool> {
    let script = place.directory.join("guide.sh");
    fs::write(&script, text(guide, dsn))?;
    let output = File::create(log)?;
    let examples = place.programs.join("examples");
    let mut path = vec![place.programs.clone(), examples];
    path.extend(server.bin().map(Path::to_owned));
    path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let mut child = Process::new("bash")
        .arg(&script)
        .current_dir(&place.work)
        .env("PATH", std::env::join_paths(path)?)
        .env("STORE_POSTGRES_DSN", dsn)
        .env("GUIDES_WORKSPACE", &place.root)
        .stdin(Stdio::null())
        .stderr(output.try_clone()?)
        .stdout(output)
        .spawn()?;
    ended(&mut child)
}

fn ended(child: &mut Child) -> Result<bool> {
    let deadline = Instant::now() + LIMIT;
    while child.try_wait()?.is_none() {
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(true)
}

/// The script: each command behind its line, and its exit code compared.
fn text(guide: &Guide, dsn: &str) -> String {
    let mut text = "set -uo pipefail\ntrap 'jobs -p | xargs -r kill 2>/dev/null' EXIT\n".to_owned();
    for command in &guide.commands {
        let Command { line, kind, exit, .. } = command;
        let run = with_dsn(&command.text, dsn);
        let run = match kind {
            Kind::Shell => run,
            Kind::Sql => format!(
                "psql --no-psqlrc --set ON_ERROR_STOP=1 --dbname {} --command {}",
                quote(dsn),
                quote(&run)
            ),
        };
        // Writing to a String cannot fail.
        let _infallible = write!(
            text,
            "printf '\\n{MARK}%s\\n' {line}\n{run}\nguide_exit=$?\n\
             if [ $guide_exit -ne {exit} ]; then printf '\\n{MARK}exit %s\\n' $guide_exit; exit 1; fi\n",
        );
    }
    let _infallible = writeln!(text, "printf '\\n{MARK}end\\n'");
    text
}

/// Puts the database of the guide where an example names one.
fn with_dsn(command: &str, dsn: &str) -> String {
    let mut text = command.to_owned();
    while let Some(host) = text.find(EXAMPLE_HOST) {
        let begins = EXAMPLE.iter().filter_map(|scheme| text[..host].rfind(scheme)).max();
        let rest = &text[host + EXAMPLE_HOST.len()..];
        // The name of the database, and its port if there is one.
        let is_end = |c: char| !(c.is_ascii_alphanumeric() || "/:_-".contains(c));
        let ends = host + EXAMPLE_HOST.len() + rest.find(is_end).unwrap_or(rest.len());
        let Some(begins) = begins else { return text };
        text.replace_range(begins..ends, dsn);
    }
    text
}

/// Compares what a guide shows with what came out.
fn judge(guide: &Guide, output: &str, in_time: bool) -> Vec<String> {
    let file = &guide.file;
    let mut problems = Vec::new();
    let mut sections = output.split(MARK).skip(1);
    let mut last = file.clone();
    for command in &guide.commands {
        let place = format!("{file}:{}", command.line);
        let section = sections.next().unwrap_or_default();
        let Some(out) = section.strip_prefix(&format!("{}\n", command.line)) else {
            problems.push(match section.strip_prefix("exit ") {
                Some(code) => format!("{last}: it ended with exit code {}", code.trim()),
                None if in_time => format!("{last}: the shell ended here"),
                None => format!("{last}: it took longer than {LIMIT:?}"),
            });
            return problems;
        };
        if let Some(missing) = missing(&command.shown, out) {
            problems.push(format!("{place}: its output has no `{missing}`, or not in this order"));
        }
        last = place;
    }
    match sections.next().map(str::trim) {
        Some("end") => {}
        Some(code) if code.starts_with("exit ") => {
            problems.push(format!("{last}: it ended with {}", code.replace("exit", "exit code")));
        }
        _ if in_time => problems.push(format!("{last}: the shell ended here")),
        _ => problems.push(format!("{last}: it took longer than {LIMIT:?}")),
    }
    problems
}

/// The first shown line that the output lacks.
fn missing<'a>(shown: &'a [String], output: &str) -> Option<&'a str> {
    let mut lines = output.lines().map(str::trim);
    let missing = shown.iter().find(|line| !lines.any(|other| fits(line, other)));
    missing.map(String::as_str)
}

/// Whether a line is what is shown, where `…` is anything and spaces may be more.
fn fits(shown: &str, line: &str) -> bool {
    let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (shown, line) = (plain(shown), plain(line));
    let Some((first, others)) = shown.split_once('…') else { return shown == line };
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let (middle, last) = others.rsplit_once('…').unwrap_or(("", others));
    for part in middle.split('…') {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_lines_fit_where_they_leave_something_out() {
        assert!(fits("a b", "a   b"));
        assert!(!fits("a b", "a b c"));
        assert!(fits("a … c", "a b b c"));
        assert!(fits("a …", "a b c"));
        assert!(!fits("a … d", "a b c"));
        assert!(fits("…", "anything"));
    }

    #[test]
    fn examples_are_replaced_by_the_guides_database() {
        let command = "x --to postgres://app@db.example.com/app?a=b \
                       --from postgresql://m:p@db.example.com:5432/c";
        let replaced = "x --to pg://h/d?a=b --from pg://h/d";
        assert_eq!(with_dsn(command, "pg://h/d"), replaced);
        assert_eq!(with_dsn("mail ada@db.example.com", "pg://h/d"), "mail ada@db.example.com");
    }

    #[test]
    fn what_went_wrong_is_said_with_its_line() {
        let text = "```console\n$ a\nx\n$ b\n```\n";
        let guide = Guide::parse("g.md", text).unwrap();
        let judged = |output: &str| judge(&guide, output, true);
        assert_eq!(judged("\u{1e}2\nx\n\u{1e}4\n\u{1e}end\n"), Vec::<String>::new());
        let lacks = "g.md:2: its output has no `x`, or not in this order";
        assert_eq!(judged("\u{1e}2\n\u{1e}4\n\u{1e}end\n"), [lacks]);
        let failed = "\u{1e}2\nx\n\u{1e}exit 3\n";
        assert_eq!(judged(failed), ["g.md:2: it ended with exit code 3"]);
        let failed = "\u{1e}2\nx\n\u{1e}4\n\u{1e}exit 3\n";
        assert_eq!(judged(failed), ["g.md:4: it ended with exit code 3"]);
        assert_eq!(judged("\u{1e}2\nx\n"), ["g.md:2: the shell ended here"]);
    }
}
