//! Connections to a server.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::fault::Fault;
use super::schema::State;
use super::select;
use super::tls;
use super::url::Url;
use crate::limits::QUERY_TIME;
use crate::storage::{OpenError, Purpose, Value};

/// How long each server may take to accept a connection.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// How long the other side may be silent while something is on its way to it.
const SILENCE_TIME: Duration = Duration::from_secs(10);

/// Statements that are kept prepared.
const STATEMENTS: usize = 100;

/// How long one statement may take that stores a batch: far more than a busy disk needs, and less than a client waits.
const APPEND_TIME: Duration = Duration::from_secs(20);

/// How long a step of a purge or a migration may take. Detaching a day waits for everybody who reads it.
const MAINTENANCE_TIME: Duration = Duration::from_secs(3600);

/// Where connections lead.
pub(super) struct Server {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    name: String,
}

impl Server {
    pub(super) fn new(url: &Url) -> Result<Self, OpenError> {
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
        Ok(Self { config, tls, name })
    }

    /// Opens a connection, with settings for its purpose. Blocks.
    pub(super) fn connect(&self, purpose: Purpose) -> Result<Connection, Fault> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Fault::NoRuntime)?;
        let connect = async {
            // What drives the connection ends with it; its error reaches whoever waits for an answer.
            let client = match &self.tls {
                Some(tls) => {
                    let (client, connection) = self.config.connect(tls.clone()).await?;
                    tokio::spawn(async move { drop(connection.await) });
                    client
                }
                None => {
                    let (client, connection) = self.config.connect(NoTls).await?;
                    tokio::spawn(async move { drop(connection.await) });
                    client
                }
            };
            client.batch_execute(&settings(purpose)).await?;
            Ok::<Client, Fault>(client)
        };
        let client = runtime.block_on(connect)?;
        Ok(Connection { client, runtime, purpose, statements: HashMap::new() })
    }

    pub(super) fn explain(&self, fault: &Fault) -> OpenError {
        OpenError::new(self.name.clone(), fault.to_string(), fault.remedy())
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

/// A connection and the runtime that drives it, on the thread that waits for it: so nothing is handed from thread to thread
/// between a batch and its answer. While nobody waits, nothing is read either.
pub(super) struct Connection {
    client: Client,
    runtime: Runtime,
    purpose: Purpose,
    /// Statements that transactions have used.
    statements: HashMap<String, Statement>,
}

impl Connection {
    /// Does something with a statement that both engines understand, which is prepared once.
    pub(super) fn with_statement<T>(
        &mut self,
        sql: &str,
        values: &[Value],
        work: impl AsyncFnOnce(&Client, &Statement, &[&(dyn ToSql + Sync)]) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let known = self.statements.get(sql).cloned();
        let is_known = known.is_some();
        let (statement, result) = self.run(async |client| {
            let statement = match known {
                Some(statement) => statement,
                None => select::prepare(client, sql, values).await?,
            };
            let values: Vec<&(dyn ToSql + Sync)> =
                values.iter().map(|value| -> &(dyn ToSql + Sync) { value }).collect();
            let result = work(client, &statement, &values).await?;
            Ok((statement, result))
        })?;
        if !is_known {
            if self.statements.len() >= STATEMENTS {
                self.statements.clear();
            }
            self.statements.insert(sql.to_owned(), statement);
        }
        Ok(result)
    }

    /// Does something with the connection: what a post or a query needs within the time of a statement, anything else
    /// without an end. Blocks.
    pub(super) fn run<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut Client) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let time = statement_time(self.purpose);
        let client = &mut self.client;
        self.runtime.block_on(async {
            if time == MAINTENANCE_TIME {
                return work(client).await;
            }
            tokio::time::timeout(time + CONNECT_TIME, work(client)).await.unwrap_or(Err(Fault::Silent))
        })
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
