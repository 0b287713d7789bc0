//! What a CHANGELOG says about a version.

/// The section of a version.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// It says when the version was released.
    Dated(String),
    /// It is written, and has no date yet.
    Undated,
    /// There is none for this version, but changes that are not released.
    Unreleased,
    /// Neither.
    Missing,
}

/// Finds the section of a version. Headings are `## [1.2.3] - 2026-12-31`, `## [1.2.3] - Unreleased`
/// and `## [Unreleased]`.
pub(super) fn section(text: &str, version: &str) -> Section {
    let of = |title: &str| {
        let mut lines = text.lines();
        let heading = lines.find_map(|line| line.strip_prefix(&format!("## [{title}]")))?;
        let said =
            lines.take_while(|line| !line.starts_with("## ")).any(|line| line.starts_with('-'));
        said.then_some(heading)
    };
    match of(version) {
        Some(heading) => match heading.trim_start_matches(" - ").trim() {
            date if is_date(date) => Section::Dated(date.to_owned()),
            _ => Section::Undated,
        },
        None if of("Unreleased").is_some() => Section::Unreleased,
        None => Section::Missing,
    }
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let digits =
        |part: &str, count| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
    matches!(parts[..], [year, month, day] if digits(year, 4) && digits(month, 2) && digits(day, 2))
}

/// What is wrong with the form: the first lines are the same in every crate, and headings are those
/// of Keep a Changelog, or `Migrations`.
pub(super) fn form(text: &str) -> Vec<String> {
    const START: &str = "# Changelog\n\n\
        The format is that of [Keep a Changelog](https://keepachangelog.com/en/1.1.0/); versions follow\n\
        [SemVer](https://semver.org/).\n\n\
        ## [Unreleased]\n";
    const KINDS: [&str; 7] =
        ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security", "Migrations"];
    let mut problems = Vec::new();
    if !text.starts_with(START) {
        problems.push("does not begin like the others, up to `## [Unreleased]`".to_owned());
    }
    let kinds = text.lines().filter_map(|line| line.strip_prefix("### "));
    let unknown = kinds.filter(|kind| !KINDS.contains(kind));
    problems.extend(unknown.map(|kind| format!("`### {kind}` is none of {}", KINDS.join(", "))));
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Changelog\n\n## [Unreleased]\n\n- new\n\n## [0.2.0] - Unreleased\n\n\
        ### Added\n\n- a thing\n\n## [0.1.0] - 2026-12-31\n\n- the first\n\n## [0.0.1]\n";

    #[test]
    fn the_section_of_a_version_is_found_with_its_date() {
        assert_eq!(section(TEXT, "0.1.0"), Section::Dated("2026-12-31".to_owned()));
        assert_eq!(section(TEXT, "0.2.0"), Section::Undated);
        assert_eq!(section(TEXT, "0.3.0"), Section::Unreleased);
    }

    #[test]
    fn a_section_without_an_entry_is_none() {
        assert_eq!(section("## [Unreleased]\n\n## [0.1.0]\n", "0.1.0"), Section::Missing);
        assert_eq!(section("", "0.1.0"), Section::Missing);
    }

    #[test]
    fn headings_are_those_of_keep_a_changelog() {
        let problems = form("# Changes\n\n### News\n\n### Fixed\n");
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[1].starts_with("`### News`"), "{problems:?}");
    }
}
