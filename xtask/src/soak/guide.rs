//! The configurations in `docs/pgbouncer.md`: what the guide shows is what is run.

use std::fs;

use crate::Result;
use crate::workspace::Workspace;

/// The guide.
const GUIDE: &str = "docs/pgbouncer.md";

/// The address of the server in the guide.
const SERVER: &str = "host=127.0.0.1 port=5432";

/// The configuration of a chapter, with the address of a server that runs, and other values for
/// some settings of PgBouncer.
pub(super) fn configuration(
    workspace: &Workspace,
    chapter: &str,
    server_port: u16,
    settings: &[(&str, &str)],
) -> Result<String> {
    let guide = fs::read_to_string(workspace.root.join(GUIDE))?;
    let block = block(&guide, chapter)
        .ok_or_else(|| format!("{GUIDE} has no chapter `{chapter}` with an ini block"))?;
    if !block.contains(SERVER) {
        return Err(format!("{GUIDE}, {chapter}: no database at {SERVER}").into());
    }
    let block = block.replace(SERVER, &format!("host=127.0.0.1 port={server_port}"));
    Ok(with_settings(&block, settings))
}

/// The first ini block below a heading.
fn block<'a>(guide: &'a str, chapter: &str) -> Option<&'a str> {
    let below = guide.split_once(&format!("\n## {chapter}\n"))?.1;
    let below = below.split("\n## ").next()?;
    Some(below.split_once("```ini\n")?.1.split_once("```")?.0)
}

/// Puts settings in the place of those of the same names. The last section is that of PgBouncer.
fn with_settings(block: &str, settings: &[(&str, &str)]) -> String {
    let is_set = |line: &str| {
        let name = line.split('=').next().unwrap_or_default().trim();
        settings.iter().any(|(other, _)| *other == name)
    };
    let kept = block.lines().filter(|line| !is_set(line)).map(str::to_owned);
    let ours = settings.iter().map(|(name, value)| format!("{name} = {value}"));
    kept.chain(ours).map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Guide\n\n## One\n\nText.\n\n## Two\n\n```ini\n[databases]\n* = port=5432\n\n\
        [pgbouncer]\nlisten_port = 6432\npool_mode = session\n```\n\n```ini\nother = 1\n```\n";

    #[test]
    fn the_first_block_of_a_chapter_is_taken() {
        assert_eq!(block(TEXT, "One"), None);
        assert_eq!(block(TEXT, "Three"), None);
        assert!(block(TEXT, "Two").unwrap().ends_with("pool_mode = session\n"));
    }

    #[test]
    fn settings_take_the_place_of_those_that_are_there() {
        let text = with_settings(block(TEXT, "Two").unwrap(), &[("listen_port", "1"), ("x", "2")]);
        let expected = "[databases]\n* = port=5432\n\n[pgbouncer]\npool_mode = session\n\
            listen_port = 1\nx = 2\n";
        assert_eq!(text, expected);
    }
}
