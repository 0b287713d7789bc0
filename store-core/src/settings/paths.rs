//! Paths of SQLite files, `sqlite:` URLs, and the directories of the platform.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use etcetera::base_strategy::choose_native_strategy;
use percent_encoding::percent_decode_str;

use super::url;
use super::values::shown;

const MEMORY: &str = "`:memory:` is not a file: set the backend to memory instead";

/// Where the platform keeps a user's files. A directory is absent when it cannot be determined.
#[derive(Debug, Clone, Default)]
pub(super) struct Directories {
    pub(super) home: Option<PathBuf>,
    pub(super) data: Option<PathBuf>,
}

impl Directories {
    pub(super) fn platform() -> Self {
        let Ok(strategy) = choose_native_strategy() else { return Self::default() };
        // An empty HOME yields relative paths: the data would follow the working directory.
        let absolute = |path: PathBuf| path.is_absolute().then_some(path);
        Self {
            home: absolute(strategy.home_dir().to_path_buf()),
            data: absolute(strategy.data_dir()),
        }
    }

    /// Returns the file all stores share unless a path is set.
    pub(super) fn default_file(&self) -> Option<PathBuf> {
        self.data.as_ref().map(|data| data.join("parallel-stores").join("stores.sqlite"))
    }

    /// Replaces a leading `~/` by the home directory.
    pub(super) fn expand(&self, text: &str) -> Result<PathBuf, String> {
        if text.contains('\0') {
            return Err("a path cannot hold a NUL".to_owned());
        }
        let below_home = match text.strip_prefix('~') {
            Some("") => Some(""),
            Some(rest) => rest.strip_prefix(std::path::is_separator),
            None => None,
        };
        let Some(below_home) = below_home else { return Ok(PathBuf::from(text)) };
        match &self.home {
            Some(home) => Ok(home.join(below_home.trim_start_matches(std::path::is_separator))),
            None => {
                Err("`~` cannot be expanded, because the home directory cannot be determined: \
                         give an absolute path"
                    .to_owned())
            }
        }
    }

    /// Reads a variable that names a SQLite file: a path, or a `sqlite:` URL.
    pub(super) fn sqlite_file(&self, text: &str) -> Result<PathBuf, String> {
        let scheme = url::split_scheme(text).map(|(scheme, _rest)| scheme);
        match scheme.as_deref() {
            Some("sqlite") => return self.sqlite_url(text),
            Some("file") => {
                return Err("`file:` URIs are not understood: give the path".to_owned());
            }
            Some("postgres" | "postgresql") => {
                return Err("it holds a PostgreSQL DSN: set POSTGRES_DSN, and a path here".into());
            }
            _ => {}
        }
        if url::looks_like_url(text) {
            return Err("it holds a URL: give a path, or sqlite: and a path".to_owned());
        }
        self.file(text, text)
    }

    /// Reads `sqlite:path`, `sqlite:///absolute/path` or `sqlite://relative/path`.
    pub(super) fn sqlite_url(&self, text: &str) -> Result<PathBuf, String> {
        let (_, rest) = url::split_scheme(text).unwrap_or_default();
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        // `mode=rwc` asks for what happens anyway; any other parameter would be ignored in silence.
        if !matches!(query, "" | "mode=rwc") {
            return Err(
                "parameters after the `?` are not understood: use the SQLITE_* variables, \
                        and write %3F for a `?` in a path"
                    .to_owned(),
            );
        }
        let path = path.strip_prefix("//").unwrap_or(path);
        // Four slashes are common, and two at the start of a path mean something on some systems.
        let path = match path.trim_start_matches('/') {
            relative if relative.len() == path.len() => path.to_owned(),
            relative if cfg!(windows) => relative.to_owned(),
            relative => format!("/{relative}"),
        };
        let decoded = percent_decode_str(&path)
            .decode_utf8()
            .map_err(|_not_utf8| "percent-encoded bytes are not UTF-8".to_owned())?;
        self.file(&decoded, text)
    }

    fn file(&self, path: &str, held: &str) -> Result<PathBuf, String> {
        if path.trim().is_empty() {
            return Err("the path is empty".to_owned());
        }
        if path.eq_ignore_ascii_case(":memory:") {
            return Err(MEMORY.to_owned());
        }
        let expanded = self.expand(path)?;
        let is_directory = path == "~"
            || path.ends_with(std::path::is_separator)
            || Path::new(path).file_name().is_none();
        if is_directory {
            return Err(format!("holds {}, a directory; it accepts a file's path", shown(held)));
        }
        Ok(expanded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directories() -> Directories {
        Directories { home: Some("/home/me".into()), data: Some("/data".into()) }
    }

    #[test]
    fn paths_and_urls_name_files() {
        let cases = [
            ("a.sqlite", "a.sqlite"),
            ("/a/b.sqlite", "/a/b.sqlite"),
            ("~/a.sqlite", "/home/me/a.sqlite"),
            ("~other/a.sqlite", "~other/a.sqlite"),
            ("with space%20.sqlite", "with space%20.sqlite"),
            ("sqlite:a.sqlite", "a.sqlite"),
            ("sqlite:/a/b", "/a/b"),
            ("sqlite:///a/b", "/a/b"),
            ("sqlite:////a/b", "/a/b"),
            ("sqlite://a/b", "a/b"),
            ("sqlite:~/a", "/home/me/a"),
            ("SQLite+aiosqlite:///a/with%20space%3F", "/a/with space?"),
            ("sqlite:a?mode=rwc", "a"),
        ];
        for (text, path) in cases {
            assert_eq!(directories().sqlite_file(text), Ok(PathBuf::from(path)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_file_is_refused() {
        let cases = [
            (":memory:", "backend to memory"),
            ("sqlite::memory:", "backend to memory"),
            ("sqlite://:memory:", "backend to memory"),
            ("sqlite:", "empty"),
            ("sqlite://", "empty"),
            ("file:a.sqlite", "give the path"),
            ("postgresql://u:hunter2@h/d", "PostgreSQL DSN"),
            ("mysql://u:hunter2@h/d", "a URL"),
            ("/a/", "directory"),
            ("~", "directory"),
            ("~/", "directory"),
            ("a/..", "directory"),
            ("a\0b", "NUL"),
            ("sqlite:a%00b", "NUL"),
            ("sqlite:a%ff", "UTF-8"),
            ("sqlite:a?mode=ro", "parameters"),
        ];
        for (text, expected) in cases {
            let reason = directories().sqlite_file(text).unwrap_err();
            assert!(reason.contains(expected), "{text}: {reason}");
            assert!(!reason.contains("hunter2"), "{reason}");
        }
        let reason = Directories::default().sqlite_file("~/a").unwrap_err();
        assert!(reason.contains("home directory"), "{reason}");
    }

    #[test]
    fn the_platform_has_absolute_directories_or_none() {
        let platform = Directories::platform();
        assert!(platform.home.is_none_or(|path| path.is_absolute()));
        assert!(platform.data.is_none_or(|path| path.is_absolute()));
        assert_eq!(
            directories().default_file(),
            Some("/data/parallel-stores/stores.sqlite".into())
        );
    }
}
