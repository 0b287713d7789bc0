//! The parts of a DSN that `tokio-postgres` does not know: how much TLS proves.

use std::fmt::Write as _;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;

use crate::settings::Dsn;
use crate::{Error, Result};

/// How much a connection has to prove, in libpq's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum SslMode {
    /// No TLS.
    Disable,
    /// TLS when the server offers it, unverified.
    #[default]
    Prefer,
    /// TLS, unverified unless a root certificate is given.
    Require,
    /// TLS with a certificate that a trusted authority issued.
    VerifyCa,
    /// TLS with such a certificate for this host.
    VerifyFull,
}

/// A DSN in the form connections are made from.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) config: Config,
    pub(super) ssl_mode: SslMode,
    /// `None` and `system` mean the certificates of the operating system.
    pub(super) root_cert: Option<PathBuf>,
}

impl Target {
    /// Parses a DSN. `variable` is what an error names.
    pub(super) fn parse(variable: &str, dsn: &Dsn) -> Result<Self> {
        let text = dsn.expose_secret();
        let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
        let split = if is_url { split_url(text) } else { split_pairs(text) };
        // The driver's own message never repeats a value, and neither do ours.
        let refuse = |reason: String| Error::settings(variable, reason);
        let (rest, taken) = split.map_err(|reason| refuse(reason.into()))?;
        let config: Config =
            rest.parse().map_err(|cause| refuse(format!("malformed DSN: {}", chain(&cause))))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(refuse("the DSN names no host".into()));
        }
        Ok(Self {
            config,
            ssl_mode: ssl_mode(taken.ssl_mode.as_deref()).map_err(refuse)?,
            root_cert: taken.root_cert.filter(|path| path != "system").map(PathBuf::from),
        })
    }
}

/// The parameters that are read here.
#[derive(Default)]
struct Taken {
    ssl_mode: Option<String>,
    root_cert: Option<String>,
}

impl Taken {
    /// Keeps a parameter if it is one of ours.
    fn take(&mut self, key: &str, value: &str) -> bool {
        match key {
            "sslmode" => self.ssl_mode = Some(value.to_owned()),
            "sslrootcert" => self.root_cert = Some(value.to_owned()),
            _ => return false,
        }
        true
    }
}

fn ssl_mode(value: Option<&str>) -> Result<SslMode, String> {
    match value {
        None => Ok(SslMode::default()),
        Some("disable") => Ok(SslMode::Disable),
        Some("allow" | "prefer") => Ok(SslMode::Prefer),
        Some("require") => Ok(SslMode::Require),
        Some("verify-ca") => Ok(SslMode::VerifyCa),
        Some("verify-full") => Ok(SslMode::VerifyFull),
        Some(other) => Err(format!(
            "sslmode `{other}` is none of disable, prefer, require, verify-ca, verify-full"
        )),
    }
}

fn split_url(text: &str) -> Result<(String, Taken), &'static str> {
    let (base, query) = text.split_once('?').unwrap_or((text, ""));
    let mut taken = Taken::default();
    let mut rest = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = percent_decode_str(value)
            .decode_utf8()
            .map_err(|_not_utf8| "a parameter of the DSN is not UTF-8")?;
        if !taken.take(key, &decoded) {
            rest.push(pair);
        }
    }
    let rest = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
    Ok((rest, taken))
}

/// Splits `key=value key='quoted value'`, with libpq's backslash escapes.
fn split_pairs(text: &str) -> Result<(String, Taken), &'static str> {
    let mut taken = Taken::default();
    let mut rest = String::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let mut key = String::new();
        while let Some(c) = chars.next_if(|c| *c != '=' && !c.is_whitespace()) {
            key.push(c);
        }
        if key.is_empty() {
            return if chars.peek().is_none() { Ok((rest, taken)) } else { Err("malformed DSN") };
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        chars.next_if_eq(&'=').ok_or("the DSN has a key without a value")?;
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let value = pair_value(&mut chars)?;
        if !taken.take(&key, &value) {
            let quoted = value.replace('\\', "\\\\").replace('\'', "\\'");
            // Writing to a String cannot fail.
            let _infallible = write!(rest, "{key}='{quoted}' ");
        }
    }
}

fn pair_value(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
) -> Result<String, &'static str> {
    let quoted = chars.next_if_eq(&'\'').is_some();
    let mut value = String::new();
    loop {
        match chars.peek().copied() {
            None if quoted => return Err("a quoted value of the DSN does not end"),
            Some('\'') if quoted => {
                chars.next();
                return Ok(value);
            }
            None => return Ok(value),
            Some(c) if !quoted && c.is_whitespace() => return Ok(value),
            Some('\\') => {
                chars.next();
                value.push(chars.next().ok_or("the DSN ends in a backslash")?);
            }
            Some(c) => {
                chars.next();
                value.push(c);
            }
        }
    }
}

/// Shows an error with everything behind it: the real cause is usually the last.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Target {
        Target::parse("POSTGRES_DSN", &Dsn::parse(text).unwrap()).unwrap()
    }

    #[test]
    fn tls_parameters_are_taken_out_of_both_forms() {
        let forms = [
            "postgresql://u:p%40ss@h1:5432,h2:5433/db?sslmode=verify-full&sslrootcert=%2Ftmp%2Fca.pem&target_session_attrs=read-write",
            r"host=h1,h2 port=5432,5433 user=u password='p@ss' dbname=db sslmode = verify-full sslrootcert='/tmp/ca.pem' target_session_attrs=read-write",
        ];
        for form in forms {
            let target = target(form);
            assert_eq!(target.ssl_mode, SslMode::VerifyFull, "{form}");
            assert_eq!(target.root_cert.as_deref(), Some("/tmp/ca.pem".as_ref()));
            assert_eq!(target.config.get_hosts().len(), 2);
            assert_eq!(target.config.get_password(), Some(b"p@ss".as_slice()));
        }
    }

    #[test]
    fn quotes_and_backslashes_survive_the_key_value_form() {
        let target = target(r"host=h user=u password='it\'s \\ fine' dbname=db");
        assert_eq!(target.config.get_password(), Some(br"it's \ fine".as_slice()));
        assert_eq!(target.ssl_mode, SslMode::Prefer);
    }

    #[test]
    fn malformed_dsns_are_refused_without_showing_the_password() {
        let malformed = [
            "postgresql://u:hunter2@h/db?sslmode=sometimes",
            "postgresql://u:hunter2@h:notaport/db",
            "postgresql://u:hunter2@h/db?frobnicate=1",
            "host=h user=u password='hunter2",
            "host=h user=u password=hunter2 dbname",
            "user=u password=hunter2",
        ];
        for text in malformed {
            let error =
                Dsn::parse(text).and_then(|dsn| Target::parse("POSTGRES_DSN", &dsn)).unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
