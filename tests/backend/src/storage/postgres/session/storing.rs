//! How a session stores a batch.

use std::thread::sleep;
use std::time::{Duration, Instant};

use tokio_postgres::Client;

use super::PostgresSession;
use crate::storage::grouping::Place;
use crate::storage::postgres::append::{self, Batch, Storing};
use crate::storage::postgres::fault::Fault;
use crate::storage::postgres::write::{self, Ended};
use crate::storage::postgres::{partition, schema};
use crate::storage::samples::store_arrived;
use crate::storage::{Appended, Arrival, More, StorageError, forgotten, without_forgotten};

/// How long a batch is tried again while the server is gone: a standby takes over in this time, or clients are asked to
/// come back.
const RETRY_TIME: Duration = Duration::from_secs(10);

/// Between two tries, where the server is gone.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Between two tries, where somebody else was faster.
const SHORT_PAUSE: Duration = Duration::from_millis(1);

impl PostgresSession {
    /// Stores a batch; while the server is gone, or somebody else was faster, it is tried again.
    pub(super) fn append_batch(
        &mut self,
        arrivals: &[Arrival],
        mut more: Option<More<'_>>,
    ) -> Result<Vec<Appended>, StorageError> {
        let batch = Batch::new(arrivals)?;
        let begun = Instant::now();
        loop {
            let ended = match self.append_once(&batch, more.as_mut()) {
                Ok(appended) => {
                    self.gone_since = None;
                    return Ok(appended);
                }
                Err(ended) => ended,
            };
            // What is known may have been taken back, or another collector may have changed it just now.
            self.directory.renew(0);
            let Ended::Fault(fault) = ended else { return Err(ended.into()) };
            // Or detached the day.
            self.days.clear();
            self.note(&fault);
            let is_gone = fault.breaks_connection();
            // Once it has been gone for so long, those who post meanwhile do not wait as long again.
            let since = if is_gone { *self.gone_since.get_or_insert(begun) } else { begun };
            if !fault.may_pass() || since.elapsed() >= RETRY_TIME {
                return Err(fault.into());
            }
            sleep(if is_gone { RETRY_PAUSE } else { SHORT_PAUSE });
        }
    }

    fn append_once(
        &mut self,
        batch: &Batch<'_>,
        more: Option<&mut More<'_>>,
    ) -> Result<Vec<Appended>, Ended> {
        let at_once = if more.is_none() { self.append_at_once(batch)? } else { None };
        at_once.map_or_else(|| self.append_locked(batch, more), Ok)
    }

    /// Stores a batch in one exchange with the server, if nothing is to be made or found out before; none if there is, or if
    /// a machine of it was forgotten.
    fn append_at_once(&mut self, batch: &Batch<'_>) -> Result<Option<Vec<Appended>>, Fault> {
        let has_days = batch.days().is_subset(&self.days);
        let (Some(statements), Some(slot)) = (self.append.clone(), self.slot) else { return Ok(None) };
        let Some(places) = self.known_places(batch).filter(|_| has_days && !batch.has_states()) else {
            return Ok(None);
        };
        if self.connection.is_none() || self.is_back(batch, &places) {
            return Ok(None);
        }
        let generation = self.directory.generation();
        let storing = Storing { statements: &statements, places: &places, generation, slot };
        let append = async |client: &mut Client| append::append_at_once(client, &storing, batch).await;
        match self.connection()?.run(append) {
            Err(Fault::Vanished) => Ok(None),
            appended => appended.map(Some),
        }
    }

    /// Nobody begins to forget a machine between the search for tombstones and the end of the batch. If the connection breaks,
    /// so does the lock: all of it is done by one.
    fn append_locked(
        &mut self,
        batch: &Batch<'_>,
        mut more: Option<&mut More<'_>>,
    ) -> Result<Vec<Appended>, Ended> {
        let lock = |function: &str| format!("SELECT {function}({})", schema::FORGET_LOCK);
        let [lock, unlock] = ["pg_advisory_lock_shared", "pg_advisory_unlock_shared"].map(lock);
        self.connection()?.run(async |client| Ok(client.batch_execute(&lock).await?))?;
        let arrivals = batch.arrivals();
        let found = write::ask(self.connection()?, |sql| forgotten(sql, arrivals));
        let stored = found.and_then(|forgotten| {
            without_forgotten(arrivals, &forgotten, |rest| match more.take() {
                None if rest.is_empty() => Ok(Vec::new()),
                more if forgotten.is_empty() => self.try_append(batch, more),
                more => {
                    let is_in = |arrival: &Arrival| !forgotten.contains(&arrival.record.machine_id);
                    self.try_append(&batch.part(rest, is_in), more)
                }
            })
        });
        let is_gone = matches!(&stored, Err(Ended::Fault(fault)) if fault.breaks_connection());
        if !is_gone {
            let unlocked = self.connection()?.run(async |client| Ok(client.batch_execute(&unlock).await?));
            if unlocked.is_err() {
                // Without it the lock ends.
                self.connection = None;
            }
        }
        stored
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
        let is_back = self.is_back(batch, &places);
        if is_back || batch.has_states() || more.is_some() {
            return self.append_with_more(&storing, batch, is_back, more);
        }
        Ok(self.connection()?.run(async |client| append::append(client, &storing, batch).await)?)
    }

    /// Whether a group comes back with a record of a batch.
    fn is_back(&self, batch: &Batch<'_>, places: &[Place]) -> bool {
        batch.firsts().zip(places).any(|((arrival, facts), place)| {
            self.directory.regression(place, facts, 0, arrival.received_secs).is_some()
        })
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

    /// The places of a batch's records, if all of them are known.
    fn known_places(&self, batch: &Batch<'_>) -> Option<Vec<Place>> {
        let known = batch
            .firsts()
            .map(|(arrival, facts)| self.directory.known(&arrival.record, facts, arrival.received_secs));
        let known: Option<Vec<Place>> = known.collect();
        known.filter(|_| batch.is_plain() || self.directory.generation() > 0)
    }

    /// The places of a batch's records; what is new is made in a transaction of its own.
    fn places(&mut self, batch: &Batch<'_>) -> Result<Vec<Place>, Ended> {
        if let Some(places) = self.known_places(batch) {
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
}
