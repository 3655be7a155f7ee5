//! A session: one connection, and the next one if it breaks.

use std::collections::HashSet;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tokio_postgres::Client;

use super::append::{self, Batch, Statements, Storing};
use super::connection::{Connection, Server};
use super::fault::Fault;
use super::write::{self, Ended};
use super::{partition, purge, query, schema, select};
use crate::filter::Filter;
use crate::limits::QUERY_TIME;
use crate::record::StoredRecord;
use crate::retention::Retention;
use crate::storage::grouping::{Directory, Place};
use crate::storage::samples::store_arrived;
use crate::storage::{
    Appended, Arrival, More, Purpose, Row, Select, Session, SharedRules, StorageError, Value, Write,
    forgotten, without_forgotten,
};

/// How long a batch is tried again while the server is gone: a standby takes over in this time, or clients are asked to
/// come back.
const RETRY_TIME: Duration = Duration::from_secs(10);

/// Between two tries, where the server is gone.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Between two tries, where somebody else was faster.
const SHORT_PAUSE: Duration = Duration::from_millis(1);

/// Slots that collectors count in. Who finds all of them taken shares the last one, and waits for others.
const SLOTS: i64 = 64;

/// One connection, and the next one if it breaks.
pub(super) struct PostgresSession {
    server: Arc<Server>,
    purpose: Purpose,
    connection: Option<Connection>,
    rules: SharedRules,
    /// The prepared statements that store a batch.
    append: Option<Statements>,
    /// Days whose partitions are known to be there.
    days: HashSet<i64>,
    directory: Directory,
    slot: Option<i64>,
    /// When the answer that is being made has to be there.
    answer_until: Option<Instant>,
}

impl PostgresSession {
    pub(super) fn new(
        server: Arc<Server>,
        purpose: Purpose,
        rules: SharedRules,
    ) -> Result<Self, StorageError> {
        let connection = Some(server.connect(purpose)?);
        let (days, directory) = (HashSet::new(), Directory::default());
        let (append, slot, answer_until) = (None, None, None);
        Ok(Self { server, purpose, connection, rules, append, days, directory, slot, answer_until })
    }

    /// The connection; a new one if the last has failed.
    fn connection(&mut self) -> Result<&mut Connection, Fault> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                (self.append, self.slot) = (None, None);
                self.days.clear();
                self.server.connect(self.purpose)?
            }
        };
        Ok(self.connection.insert(connection))
    }

    /// Drops the connection if this is the end of it.
    fn note(&mut self, fault: &Fault) {
        if fault.breaks_connection() {
            self.connection = None;
        }
    }

    fn try_append(&mut self, batch: &Batch<'_>, more: Option<&mut More<'_>>) -> Result<Vec<Appended>, Ended> {
        self.connection()?;
        for day in batch.days() {
            if !self.days.contains(&day) {
                self.connection()?.run(async |client| partition::ensure(client, day).await)?;
                self.days.insert(day);
            }
        }
        let statements = self.statements()?;
        let slot = self.slot()?;
        let places = self.places(batch)?;
        let generation = self.directory.generation();
        let storing = Storing { statements: &statements, places: &places, generation, slot };
        let is_back = batch.firsts().zip(&places).any(|((arrival, facts), place)| {
            self.directory.regression(place, facts, 0, arrival.received_secs).is_some()
        });
        if is_back || batch.has_states() || more.is_some() {
            return self.append_with_more(&storing, batch, is_back, more);
        }
        Ok(self.connection()?.run(async |client| append::append(client, &storing, batch).await)?)
    }

    /// Stores a batch in which a group comes back, and the group's mark with it; or one with samples, and these; or one with
    /// which more is to be done.
    fn append_with_more(
        &mut self,
        storing: &Storing<'_>,
        batch: &Batch<'_>,
        is_back: bool,
        more: Option<&mut More<'_>>,
    ) -> Result<Vec<Appended>, Ended> {
        self.connection()?;
        let Some(connection) = self.connection.as_mut() else { return Err(Fault::Silent.into()) };
        let directory = &mut self.directory;
        let locks = [(is_back, schema::GROUPS_LOCK), (batch.has_states(), schema::SAMPLES_LOCK)];
        let locks: Vec<i64> =
            locks.iter().filter(|(is_needed, _)| *is_needed).map(|(_, lock)| *lock).collect();
        write::transaction_with(connection, &locks, |sql| {
            let appended = sql.run(async |client| append::append(client, storing, batch).await)?;
            let firsts = batch.firsts().zip(storing.places).zip(batch.of_firsts(&appended));
            for (((arrival, facts), place), appended) in firsts {
                let Appended::Stored { id } = appended else { continue };
                if let Some(back) = directory.regression(place, facts, *id, arrival.received_secs) {
                    directory.set_regressed(sql, back)?;
                }
            }
            store_arrived(sql, batch.states(&appended))?;
            if let Some(more) = more {
                more(sql, batch.arrivals(), &appended)?;
            }
            Ok(appended)
        })
    }

    fn statements(&mut self) -> Result<Statements, Fault> {
        let statements = match self.append.clone() {
            Some(statements) => statements,
            None => self.connection()?.run(async |client| Statements::prepare(client).await)?,
        };
        self.append = Some(statements.clone());
        Ok(statements)
    }

    /// The places of a batch's records; what is new is made in a transaction of its own.
    fn places(&mut self, batch: &Batch<'_>) -> Result<Vec<Place>, Ended> {
        let known = batch
            .firsts()
            .map(|(arrival, facts)| self.directory.known(&arrival.record, facts, arrival.received_secs));
        let known: Option<Vec<Place>> = known.collect();
        if let Some(places) = known.filter(|_| batch.is_plain() || self.directory.generation() > 0) {
            return Ok(places);
        }
        let rules = self.rules.current();
        self.connection()?;
        let Some(connection) = self.connection.as_mut() else { return Err(Fault::Silent.into()) };
        let directory = &mut self.directory;
        write::transaction(connection, |sql| {
            directory.read_generation(sql)?;
            let place = |(arrival, facts): (&Arrival, _)| {
                directory.place(sql, &rules, &arrival.record, facts, arrival.received_secs)
            };
            batch.firsts().map(place).collect()
        })
    }

    /// The slot in which this collector counts.
    fn slot(&mut self) -> Result<i64, Fault> {
        if let Some(slot) = self.slot {
            return Ok(slot);
        }
        let find = async |client: &mut Client| {
            for slot in 0..SLOTS - 1 {
                let lock = "SELECT pg_try_advisory_lock($1)";
                if client.query_one(lock, &[&(schema::SLOT_LOCKS + slot)]).await?.try_get(0)? {
                    return Ok(slot);
                }
            }
            Ok(SLOTS - 1)
        };
        let slot = self.connection()?.run(find)?;
        self.slot = Some(slot);
        Ok(slot)
    }

    fn lock_forgetting(&mut self, function: &str) -> Result<(), Fault> {
        let lock = format!("SELECT {function}({})", schema::FORGET_LOCK);
        self.connection()?.run(async |client| Ok(client.batch_execute(&lock).await?))
    }

    /// Nobody begins to forget a machine between the look for tombstones and the end of the batch.
    fn append_locked(
        &mut self,
        batch: &[Arrival],
        more: Option<More<'_>>,
    ) -> Result<Vec<Appended>, StorageError> {
        self.read(|session| session.lock_forgetting("pg_advisory_lock_shared"))?;
        let stored = forgotten(self, batch).and_then(|forgotten| {
            without_forgotten(batch, &forgotten, |rest| match more {
                None if rest.is_empty() => Ok(Vec::new()),
                more => self.append_rest(rest, more),
            })
        });
        // If the connection is gone, so is the lock.
        let _ = self.lock_forgetting("pg_advisory_unlock_shared");
        stored
    }

    fn append_rest(
        &mut self,
        batch: &[Arrival],
        mut more: Option<More<'_>>,
    ) -> Result<Vec<Appended>, StorageError> {
        let batch = Batch::new(batch)?;
        let deadline = Instant::now() + RETRY_TIME;
        loop {
            let ended = match self.try_append(&batch, more.as_mut()) {
                Ok(appended) => return Ok(appended),
                Err(ended) => ended,
            };
            // What is known may have been taken back, or another collector may have changed it just now.
            self.directory.renew(0);
            let Ended::Fault(fault) = ended else { return Err(ended.into()) };
            // Or detached the day.
            self.days.clear();
            self.note(&fault);
            if !fault.may_pass() || Instant::now() >= deadline {
                return Err(fault.into());
            }
            sleep(if fault.breaks_connection() { RETRY_PAUSE } else { SHORT_PAUSE });
        }
    }

    /// Reads. The server may have been restarted since the last time, and be here again: then it is asked once more.
    fn read<T>(&mut self, read: impl Fn(&mut Self) -> Result<T, Fault>) -> Result<T, StorageError> {
        let fault = match read(self) {
            Ok(found) => return Ok(found),
            Err(fault) => fault,
        };
        if !fault.breaks_connection() {
            return Err(fault.into());
        }
        self.note(&fault);
        Ok(read(self)?)
    }

    fn try_query(&mut self, filter: &Filter, now_secs: i64) -> Result<Vec<StoredRecord>, Fault> {
        self.connection()?.run(async |client| query::query(client, filter, now_secs).await)
    }
}

impl Session for PostgresSession {
    fn append(&mut self, batch: &[Arrival]) -> Result<Vec<Appended>, StorageError> {
        self.append_locked(batch, None)
    }

    fn append_and(&mut self, batch: &[Arrival], more: More<'_>) -> Result<Vec<Appended>, StorageError> {
        self.append_locked(batch, Some(more))
    }

    fn write_alone(
        &mut self,
        work: &mut dyn FnMut(&mut dyn Write) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let locks = [schema::FORGET_LOCK, schema::GROUPS_LOCK];
        match write::transaction_with(self.connection()?, &locks, |sql| work(sql)) {
            Err(Ended::Fault(fault)) => {
                self.note(&fault);
                Err(fault.into())
            }
            other => Ok(other?),
        }
    }

    fn write(
        &mut self,
        work: &mut dyn FnMut(&mut dyn Write) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        match write::transaction(self.connection()?, |sql| work(sql)) {
            Err(Ended::Fault(fault)) => {
                self.note(&fault);
                Err(fault.into())
            }
            other => Ok(other?),
        }
    }

    fn query(&mut self, filter: &Filter, now_secs: i64) -> Result<Vec<StoredRecord>, StorageError> {
        self.read(|session| session.try_query(filter, now_secs))
    }

    fn begin_answer(&mut self) -> Result<(), StorageError> {
        self.answer_until = Some(Instant::now() + QUERY_TIME);
        Ok(())
    }

    fn count(&mut self, filter: &Filter, now_secs: i64) -> Result<(u64, Option<i64>), StorageError> {
        let (count, last) = self.read(|session| {
            session.connection()?.run(async |client| query::count(client, filter, now_secs).await)
        })?;
        Ok((u64::try_from(count).unwrap_or(0), last))
    }

    fn purge(
        &mut self,
        rules: &Retention,
        now_secs: i64,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<u64, StorageError> {
        let purge = purge::Purge { rules, now_secs, goes_on };
        Ok(purge.run(self.connection()?)?)
    }
}

impl Select for PostgresSession {
    fn select(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StorageError> {
        // The server bounds each query, and an answer may have many.
        if self.answer_until.is_some_and(|until| Instant::now() > until) {
            return Err(StorageError::TooSlow);
        }
        self.read(|session| {
            session.connection()?.run(async |client| select::select(client, sql, values).await)
        })
    }
}
