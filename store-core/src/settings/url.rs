//! The URL form of a DSN: `postgresql://user:password@host:port,host:port/database?key=value`.

use percent_encoding::percent_decode_str;

const SCHEME: &str = "the URL form begins with postgresql:// or postgres://";
const SEPARATORS: &str = "percent-encode what is special in the user name and the password \
                          (@ is %40, / is %2F, : is %3A, ? is %3F)";

/// The parts of a URL as they are written, still percent-encoded.
#[derive(Debug)]
pub(super) struct Url<'a> {
    pub(super) scheme: &'static str,
    user: Option<&'a str>,
    password: Option<&'a str>,
    hosts: &'a str,
    database: Option<&'a str>,
    params: Vec<(&'a str, &'a str)>,
}

/// Tells a URL, of any scheme, from the key-value form.
pub(super) fn looks_like_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _rest)| {
        scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

/// Returns the scheme in lower case, without the `+driver` some libraries append, and the rest.
pub(super) fn split_scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let base = scheme.split('+').next().unwrap_or(scheme);
    Some((base.to_ascii_lowercase(), rest))
}

/// Splits a URL. The reason never repeats the text.
///
/// Drivers disagree about an `@`, `/` or `?` that is left raw in a password: they would connect
/// to different hosts, and the redaction would miss what is behind it. It is refused here.
pub(super) fn parse(text: &str) -> Result<Url<'_>, String> {
    let scheme = match split_scheme(text) {
        Some((scheme, _)) if scheme == "postgres" => "postgres",
        Some((scheme, _)) if scheme == "postgresql" => "postgresql",
        _ => return Err(SCHEME.to_owned()),
    };
    let (_, rest) = text.split_once("://").ok_or(SCHEME)?;
    let (base, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) =
        base.split_once('/').map_or((base, None), |(authority, path)| (authority, Some(path)));
    let (credentials, hosts) = authority
        .split_once('@')
        .map_or((None, authority), |(credentials, hosts)| (Some(credentials), hosts));
    if rest.matches('@').count() > usize::from(credentials.is_some()) {
        return Err(SEPARATORS.to_owned());
    }
    let (user, password) = credentials.map_or((None, None), |credentials| {
        credentials
            .split_once(':')
            .map_or((Some(credentials), None), |(user, password)| (Some(user), Some(password)))
    });
    let url = Url { scheme, user, password, hosts, database, params: params(query)? };
    url.check_encoding()?;
    Ok(url)
}

fn params(query: &str) -> Result<Vec<(&str, &str)>, String> {
    query
        .split('&')
        .filter(|param| !param.is_empty())
        .map(|param| {
            param.split_once('=').ok_or_else(|| "a parameter after the `?` has no value".to_owned())
        })
        .collect()
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Splits `host:port`, where an IPv6 address stands in brackets.
fn split_port(host: &str) -> Result<(&str, Option<&str>), String> {
    let Some(bracketed) = host.strip_prefix('[') else {
        return Ok(host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port))));
    };
    let (address, rest) = bracketed.split_once(']').ok_or("a bracket is not closed")?;
    match rest.strip_prefix(':') {
        Some(port) => Ok((address, Some(port))),
        None if rest.is_empty() => Ok((address, None)),
        None => Err("after the bracket comes `:port`".to_owned()),
    }
}

impl Url<'_> {
    fn check_encoding(&self) -> Result<(), String> {
        if self.hosts.is_empty() && self.database.is_none() && self.params.is_empty() {
            return Err("the URL names no host".to_owned());
        }
        for host in self.hosts.split(',') {
            let (_, port) = split_port(host)?;
            // A raw `/` in a password ends the host too early, and this is where it shows.
            if port.is_some_and(|port| decode(port).parse::<u16>().is_err()) {
                return Err(format!("the port is no number up to 65535, or: {SEPARATORS}"));
            }
        }
        let names = [self.user, Some(self.hosts), self.database];
        let params = self.params.iter().flat_map(|(key, value)| [Some(*key), Some(*value)]);
        for part in names.into_iter().chain(params).flatten() {
            percent_decode_str(part)
                .decode_utf8()
                .map_err(|_not_utf8| "percent-encoded bytes are not UTF-8".to_owned())?;
        }
        Ok(())
    }

    /// Returns the keys and decoded values that the key-value form would have.
    pub(super) fn pairs(&self) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        let mut push = |key: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                pairs.push((key.to_owned(), decode(value)));
            }
        };
        push("user", self.user);
        push("password", self.password);
        push("dbname", self.database);
        if !self.hosts.is_empty() {
            let split = || self.hosts.split(',').filter_map(|host| split_port(host).ok());
            let hosts: Vec<_> = split().map(|(host, _port)| host).collect();
            let ports: Vec<_> = split().map(|(_host, port)| port.unwrap_or("5432")).collect();
            push("host", Some(&hosts.join(",")));
            push("port", Some(&ports.join(",")));
        }
        pairs.extend(self.params.iter().map(|(key, value)| (decode(key), decode(value))));
        pairs
    }

    /// Writes the URL without its secrets.
    pub(super) fn redacted(&self, is_secret: fn(&str) -> bool) -> String {
        let mut text = format!("{}://", self.scheme);
        if let Some(user) = self.user {
            text.push_str(user);
            text.push_str(if self.password.is_some() { ":***@" } else { "@" });
        }
        text.push_str(self.hosts);
        if let Some(database) = self.database {
            text.push('/');
            text.push_str(database);
        }
        for (index, (key, value)) in self.params.iter().enumerate() {
            text.push(if index == 0 { '?' } else { '&' });
            text.push_str(key);
            text.push('=');
            text.push_str(if is_secret(&decode(key)) { "***" } else { value });
        }
        text
    }
}
