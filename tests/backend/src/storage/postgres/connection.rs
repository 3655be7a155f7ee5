//! Connections to a server, and what goes wrong with them.

use std::fmt;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::schema::State;
use super::tls;
use super::url::Url;
use crate::limits::QUERY_TIME;
use crate::storage::{OpenError, Purpose, StorageError};

/// How long each server may take to accept a connection.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// How long the other side may be silent while something is on its way to it.
const SILENCE_TIME: Duration = Duration::from_secs(10);

/// How long one statement may take that stores a batch: far more than a busy disk needs, and less than a client waits.
const APPEND_TIME: Duration = Duration::from_secs(20);

/// How long a step of a purge or a migration may take. Detaching a day waits for everybody who reads it.
const MAINTENANCE_TIME: Duration = Duration::from_secs(3600);

/// Where connections lead.
pub(super) struct Server {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    handle: Handle,
    name: String,
}

impl Server {
    pub(super) fn new(url: &Url, handle: &Handle) -> Result<Self, OpenError> {
        let mut config = url.config().clone();
        config.application_name("telem-collector");
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIME);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE_TIME);
        }
        config.keepalives_idle(SILENCE_TIME).keepalives_interval(SILENCE_TIME / 3).keepalives_retries(3);
        if config.get_target_session_attrs() == TargetSessionAttrs::Any {
            // Of several servers, the one that is no standby.
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        let name = url.to_string();
        let tls = match url.root_certificates() {
            None => None,
            Some(source) => Some(MakeRustlsConnect::new(tls::config(source).map_err(|reason| {
                OpenError::new(name.clone(), reason, "give a file of certificates as sslrootcert")
            })?)),
        };
        Ok(Self { config, tls, handle: handle.clone(), name })
    }

    /// Opens a connection, with settings for its purpose.
    pub(super) fn connect(&self, purpose: Purpose) -> Result<Client, Fault> {
        self.run(purpose, async {
            let client = match &self.tls {
                Some(tls) => {
                    let (client, connection) = self.config.connect(tls.clone()).await?;
                    // Its error reaches whoever waits for an answer.
                    self.handle.spawn(async move { drop(connection.await) });
                    client
                }
                None => {
                    let (client, connection) = self.config.connect(NoTls).await?;
                    self.handle.spawn(async move { drop(connection.await) });
                    client
                }
            };
            client.batch_execute(&settings(purpose)).await?;
            Ok(client)
        })
    }

    /// Waits for something that happens on the runtime: a post or a query as long as one statement may take, what is
    /// of many statements without an end. Blocks.
    pub(super) fn run<T>(
        &self,
        purpose: Purpose,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        if statement_time(purpose) == MAINTENANCE_TIME {
            return self.handle.block_on(work);
        }
        let time = statement_time(purpose) + CONNECT_TIME;
        self.handle.block_on(async { tokio::time::timeout(time, work).await.unwrap_or(Err(Fault::Silent)) })
    }

    pub(super) fn explain(&self, fault: &Fault) -> OpenError {
        OpenError::new(self.name.clone(), fault.to_string(), remedy(fault))
    }

    /// The error for a database that is not ours to use.
    pub(super) fn settle(&self, state: State) -> Result<(), OpenError> {
        let wrong = |reason: String, remedy| Err(OpenError::new(self.name.clone(), reason, remedy));
        match state {
            State::Version(_) => Ok(()),
            State::TooOld(version) => wrong(
                format!("an earlier collector made it (schema {version})"),
                "run `telem-collector migrate` on it first",
            ),
            State::TooNew(version) => wrong(
                format!("a later collector made it (schema {version})"),
                "use that collector, or give another --database",
            ),
            State::Foreign => wrong(
                "it has a table `records` of another program".to_owned(),
                "give another --database; records of the Flask backend come with `import --flask`",
            ),
        }
    }
}

/// The password is in the configuration.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("name", &self.name).finish_non_exhaustive()
    }
}

/// An answer means that the record is durable, whatever the server's default is; where it asks for more, as for a
/// standby's confirmation, that stays.
fn settings(purpose: Purpose) -> String {
    let durable = "SELECT set_config('synchronous_commit', 'on', false) \
                   WHERE current_setting('synchronous_commit') IN ('off', 'local')";
    let reads = matches!(purpose, Purpose::Query | Purpose::Export);
    let access = if reads { "SET default_transaction_read_only = on" } else { durable };
    let time_ms = statement_time(purpose).as_millis();
    format!("SET statement_timeout = {time_ms}; SET client_min_messages = error; {access}")
}

fn statement_time(purpose: Purpose) -> Duration {
    match purpose {
        Purpose::Query => QUERY_TIME,
        Purpose::Append => APPEND_TIME,
        Purpose::Export | Purpose::Maintain => MAINTENANCE_TIME,
    }
}

/// What went wrong.
#[derive(Debug)]
pub(super) enum Fault {
    /// The driver's error: the server's own, or what happened to the connection.
    Driver(tokio_postgres::Error),
    /// The server says nothing, although it has had the time of a statement.
    Silent,
    /// A record came and went while its key was looked up.
    Vanished,
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Driver(error)
    }
}

impl Fault {
    fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Driver(error) => error.code(),
            Self::Silent | Self::Vanished => None,
        }
    }

    /// Whether the next try needs a new connection: this one is gone, or leads to a server that is no longer the
    /// one to write to.
    pub(super) fn breaks_connection(&self) -> bool {
        match self.code() {
            Some(code) => is_down(code),
            None => !matches!(self, Self::Vanished),
        }
    }

    /// Whether the same may go well a little later.
    pub(super) fn may_pass(&self) -> bool {
        let passing = [
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::TOO_MANY_CONNECTIONS,
            // No partition for a row: it has been detached since it was last seen.
            SqlState::CHECK_VIOLATION,
        ];
        self.breaks_connection()
            || matches!(self, Self::Vanished)
            || self.code().is_some_and(|code| passing.contains(code))
    }
}

/// Whether a server says that it is stopping, starting, or a standby.
fn is_down(code: &SqlState) -> bool {
    let down = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::READ_ONLY_SQL_TRANSACTION,
    ];
    // Class 08: the connection itself.
    code.code().starts_with("08") || down.contains(code)
}

fn remedy(fault: &Fault) -> &'static str {
    match fault.code() {
        Some(code) if *code == SqlState::UNDEFINED_DATABASE => "create it, or give another --database",
        Some(code)
            if *code == SqlState::INVALID_PASSWORD
                || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION =>
        {
            "give the right user and password"
        }
        Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            "make the user of the URL the owner of the database"
        }
        _ => "check that the server runs and that the URL leads to it",
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = match self {
            Self::Driver(error) => error,
            Self::Silent => return f.write_str("the server does not answer"),
            Self::Vanished => return f.write_str("a record was purged while it was read"),
        };
        // The driver's own words are few; the reason is in what is behind them.
        if let Some(error) = error.as_db_error() {
            return f.write_str(&error.message().replace('\n', " "));
        }
        write!(f, "{error}")?;
        let mut source = std::error::Error::source(error);
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

impl From<Fault> for StorageError {
    fn from(fault: Fault) -> Self {
        if fault.code() == Some(&SqlState::QUERY_CANCELED) {
            Self::TooSlow
        } else {
            Self::Failed(fault.to_string())
        }
    }
}
