//! The five variables that PostgreSQL's container image defines, as one DSN.

use std::net::Ipv6Addr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Dsn;
use super::values::refusal;
use super::vars::Vars;
use crate::{Error, Result};

const NAMES: [&str; 5] =
    ["POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_DB"];

/// Everything but what RFC 3986 calls unreserved.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What errors call the five.
pub(super) fn names() -> String {
    NAMES.join(", ")
}

/// Builds the DSN if all five are set. Some of them alone are an error unless they are excused.
pub(super) fn read(vars: &Vars, excused: bool) -> Result<Option<Dsn>> {
    let plain = |text: &str| Ok(text.to_owned());
    let mut values = Vec::new();
    for name in NAMES {
        values.push(vars.read_bare(name, plain)?);
    }
    if let [Some(user), Some(password), Some(_), Some(_), Some(database)] = &values[..] {
        let (Some(host), Some(port)) =
            (vars.read_bare("POSTGRES_HOST", host)?, vars.read_bare("POSTGRES_PORT", port)?)
        else {
            return Ok(None);
        };
        let (user, password) = (encode(user), encode(password));
        let url = format!("postgresql://{user}:{password}@{host}:{port}/{}", encode(database));
        return Dsn::check(&url).map(Some).map_err(|reason| Error::settings(names(), reason));
    }
    let (set, missing): (Vec<_>, Vec<_>) =
        NAMES.into_iter().zip(values).partition(|(_name, value)| value.is_some());
    if set.is_empty() || excused {
        return Ok(None);
    }
    let list = |vars: Vec<(&'static str, Option<String>)>| {
        vars.into_iter().map(|(name, _value)| name).collect::<Vec<_>>().join(", ")
    };
    Err(Error::settings(
        list(missing),
        format!(
            "not set, although {} is: set all of {}; or set {}, or {} to sqlite",
            list(set),
            names(),
            vars.name("POSTGRES_DSN"),
            vars.name("BACKEND"),
        ),
    ))
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

fn host(text: &str) -> Result<String, String> {
    let host = text.trim();
    if host.contains(',') {
        return Err("several hosts are only understood in a DSN".to_owned());
    }
    let address = host.trim_start_matches('[').trim_end_matches(']');
    // A socket directory is encoded as a whole, slashes included.
    Ok(address.parse::<Ipv6Addr>().map_or_else(|_name| encode(host), |ip| format!("[{ip}]")))
}

fn port(text: &str) -> Result<u16, String> {
    match text.trim().parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(refusal(text, "a port between 1 and 65535")),
    }
}
