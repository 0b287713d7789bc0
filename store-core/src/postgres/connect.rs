//! Making connections: start-up options, TLS, and the pooler that refuses the former.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, SimpleQueryMessage, Socket, config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::dsn::{SslMode, Target, chain};
use super::options::Options;
use super::{hosts, tls};
use crate::instrument::StatementWatch;
use crate::observe::{or_of_database, within};
use crate::settings::Dsn;
use crate::{Error, Failure, Message, Result};

/// What is waited for one host to answer, unless the DSN says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes connections to one DSN.
#[derive(Clone)]
pub(super) struct Connector {
    /// One for each host, in the order of the DSN.
    hosts: Vec<Config>,
    tls: MakeRustlsConnect,
    /// Name and value of each setting a connection starts with.
    session: Vec<(&'static str, String)>,
    /// What the DSN itself asks for by `options`.
    own_options: String,
    cache_statements: bool,
    slow_query: Duration,
    pub(super) statements: Arc<AtomicU64>,
}

/// A connection before Diesel has it.
pub(super) type RawConnection = (Client, Connection<Socket, TlsStream>);

type TlsStream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

impl Connector {
    /// Prepares connections to `dsn`; `variable` is what an error about it names.
    pub(super) fn prepare(variable: &str, dsn: &Dsn, options: &Options) -> Result<Self> {
        let target = Target::parse(variable, dsn)?;
        let tls = MakeRustlsConnect::new(tls::client_config(variable, &target)?);
        let mut config = target.config;
        config.ssl_mode(match target.ssl_mode {
            SslMode::Disable => config::SslMode::Disable,
            SslMode::Prefer => config::SslMode::Prefer,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => config::SslMode::Require,
        });
        hosts::notice_dead_hosts(&mut config);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_application_name().is_none() {
            config.application_name("parallel-stores");
        }
        let own_options = config.get_options().unwrap_or_default().to_owned();
        Ok(Self {
            session: session_settings(options, &own_options),
            hosts: hosts::each(&config),
            tls,
            own_options,
            cache_statements: options.statement_cache,
            slow_query: options.slow_query,
            statements: Arc::default(),
        })
    }

    /// Opens a connection for Diesel.
    pub(super) async fn connect(&self) -> Result<AsyncPgConnection> {
        let (client, connection) = self.connect_raw().await?;
        let mut conn = AsyncPgConnection::try_from_client_and_connection(client, connection)
            .await
            .map_err(|cause| unavailable(chain(&cause)))?;
        let watch = StatementWatch::new("postgres", Arc::clone(&self.statements), self.slow_query);
        conn.set_instrumentation(watch);
        if !self.cache_statements {
            conn.set_prepared_statement_cache_size(diesel::connection::CacheSize::Disabled);
        }
        Ok(conn)
    }

    /// Tells whether the DSN asks for a server that accepts writes.
    pub(super) fn wants_read_write(&self) -> bool {
        let wanted = |host: &Config| host.get_target_session_attrs();
        self.hosts.iter().any(|host| wanted(host) == config::TargetSessionAttrs::ReadWrite)
    }

    /// Opens a connection to the first host that takes it.
    ///
    /// The driver would try several hosts by itself, but wait for ever for one that accepts the
    /// connection and then says nothing, as a server does that hangs.
    pub(super) async fn connect_raw(&self) -> Result<RawConnection> {
        let mut refusals = Vec::new();
        for host in hosts::in_order(&self.hosts) {
            let limit = host.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT);
            let refusal = match tokio::time::timeout(limit, self.connect_host(host)).await {
                Ok(Ok(connected)) => return Ok(connected),
                Ok(Err(cause)) => cause,
                Err(_elapsed) => format!("no answer within {limit:?}"),
            };
            refusals.push((host, refusal));
        }
        Err(unavailable(hosts::described(refusals)))
    }

    /// Opens a connection with its settings in the start-up packet, or by `SET` where a pooler
    /// between here and the server refuses that, or drops it without a word.
    async fn connect_host(&self, host: &Config) -> Result<RawConnection, String> {
        let failed = |error: tokio_postgres::Error| chain(&error);
        let mut config = host.clone();
        config.options(self.startup_options());
        let (client, mut connection) = match config.connect(self.tls.clone()).await {
            Ok(connected) => connected,
            Err(error) if refuses_options(&error) && self.own_options.is_empty() => {
                // Not even empty options: the driver would send them, and the pooler refuse them.
                host.connect(self.tls.clone()).await.map_err(failed)?
            }
            Err(error) => return Err(failed(error)),
        };
        // The connection answers only while it is driven, and it is needed afterwards.
        tokio::select! {
            result = self.ensure_settings(&client) => result?,
            () = drive(&mut connection) => return Err("the connection ended".into()),
        }
        Ok((client, connection))
    }

    /// Sets what does not hold yet. Nothing is set where all of it holds: behind a pooler in
    /// transaction mode `SET` would change a connection that others use.
    async fn ensure_settings(&self, client: &Client) -> Result<(), String> {
        let failed = |error: tokio_postgres::Error| chain(&error);
        let columns: Vec<String> =
            self.session.iter().map(|(name, value)| holds(name, value)).collect();
        let query = format!("SELECT {}", columns.join(", "));
        let answer = client.simple_query(&query).await.map_err(failed)?;
        let row = answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let mut statements = String::new();
        for (column, (name, value)) in self.session.iter().enumerate() {
            if row.and_then(|row| row.get(column)) != Some("t") {
                // Writing to a String cannot fail.
                let _infallible = write!(statements, "SET {name} = {};", set_value(name, value));
            }
        }
        if statements.is_empty() {
            return Ok(());
        }
        if !self.own_options.is_empty() {
            return Err(
                "a pooler before the server ignores start-up options, also those of the DSN: take \
                 them out, and set what they say for the role, by ALTER ROLE … SET"
                    .into(),
            );
        }
        client.batch_execute(&statements).await.map_err(failed)
    }

    fn startup_options(&self) -> String {
        let mut text = self.own_options.clone();
        for (name, value) in &self.session {
            // Spaces and backslashes separate options unless they are escaped.
            let escaped = value.replace('\\', "\\\\").replace(' ', "\\ ");
            let _infallible = write!(text, " -c {name}={escaped}");
        }
        text
    }

    /// Opens a connection, runs a statement outside any transaction and closes it again.
    pub(super) async fn execute(&self, operation: &'static str, statement: &str) -> Result<()> {
        let mut conn = self.connect().await?;
        let run = within(or_of_database(operation, "postgres"), conn.batch_execute(statement));
        run.await.map_err(super::db_error(operation))
    }
}

/// Drives a connection until it ends.
async fn drive(connection: &mut Connection<Socket, TlsStream>) {
    while let Some(Ok(_message)) =
        std::future::poll_fn(|context| connection.poll_message(context)).await
    {}
}

fn session_settings(options: &Options, own: &str) -> Vec<(&'static str, String)> {
    let millis = |timeout: Duration| timeout.as_millis().to_string();
    let mut settings = vec![
        ("statement_timeout", millis(options.statement_timeout)),
        ("lock_timeout", millis(options.lock_timeout)),
        ("idle_in_transaction_session_timeout", millis(options.idle_in_transaction_timeout)),
    ];
    if !own.contains("search_path") {
        settings.push(("search_path", quote_identifier(&options.schema)));
    }
    settings
}

/// The expression that tells whether a setting has a value. A path is shown as it was given, or with
/// quotes only where it needs them; timeouts are shown in units of the server's choice.
fn holds(name: &str, value: &str) -> String {
    if name == "search_path" {
        let value = value.replace('\'', "''");
        return format!(
            "current_setting('{name}') IN ('{value}', (SELECT quote_ident(path[1]) \
             FROM parse_ident('{value}') AS path))"
        );
    }
    format!("current_setting('{name}')::interval = '{value} ms'")
}

/// A schema is an identifier in `SET` as well, everything else a number.
fn set_value(name: &str, value: &str) -> String {
    if name == "search_path" { value.to_owned() } else { format!("'{value}'") }
}

/// Quotes an identifier.
pub(super) fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Tells a pooler without start-up options from a server that refuses the connection.
fn refuses_options(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|db| db.message().contains("unsupported startup parameter"))
}

/// No connection, so that nothing can have been done.
pub(super) fn unavailable(cause: String) -> Error {
    let failure = Failure::Unavailable { outcome_unknown: false };
    Error::backend("connect", failure, Message(cause))
}

/// Shows one of our errors with everything behind it.
pub(super) fn chain_of(error: &Error) -> String {
    chain(error)
}
