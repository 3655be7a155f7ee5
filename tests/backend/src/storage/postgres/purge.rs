//! Removes what has outlived its time: whole days where that is all of them, single rows elsewhere.
//!
//! ```text
//!  a day that a shorter rule names ──▶ its rows that are due are deleted
//!  a day that the time for all is over for
//!      ──▶ what a rule keeps moves to records_kept ──▶ detached ──▶ what came meanwhile moves too ──▶ dropped
//!  records_kept ──▶ its rows that are due are deleted
//! ```
//!
//! A purge that is broken off at any step is taken up by the next one: a day that is being detached is finished, and a
//! table that is detached already is examined and dropped.

use tokio_postgres::{Client, GenericClient};

use super::connection::Connection;
use super::fault::Fault;
use super::partition::{self, DAY_SECS, KEPT, Partition, day_of};
use super::schema::PURGE_LOCK;
use crate::limits::{KEY_DAYS, PURGE_STEP_RECORDS};
use crate::retention::{Retention, Subject};

/// A purge at a time.
pub(super) struct Purge<'a> {
    pub(super) rules: &'a Retention,
    pub(super) now_secs: i64,
    pub(super) goes_on: &'a dyn Fn() -> bool,
}

/// The rows of one step, by what is to be done with them.
#[derive(Default)]
struct Examined {
    due: Vec<i64>,
    kept: Vec<i64>,
    last: Option<i64>,
}

impl Purge<'_> {
    /// Purges, unless another collector does. Counts the records removed.
    pub(super) fn run(&self, connection: &mut Connection) -> Result<u64, Fault> {
        connection.run(async |client| self.purge(client).await)
    }

    async fn purge(&self, client: &mut Client) -> Result<u64, Fault> {
        partition::ensure_ahead(client, self.now_secs).await?;
        let locked = client.query_one("SELECT pg_try_advisory_lock($1)", &[&PURGE_LOCK]).await?;
        if !locked.try_get(0)? {
            return Ok(0);
        }
        let removed = self.purge_locked(client).await;
        // If the connection is gone, so is the lock.
        let _ = client.execute("SELECT pg_advisory_unlock($1)", &[&PURGE_LOCK]).await;
        removed
    }

    async fn purge_locked(&self, client: &mut Client) -> Result<u64, Fault> {
        let mut removed = 0;
        for partition in partition::list(client).await? {
            if !(self.goes_on)() {
                return Ok(removed);
            }
            let last_secs = (partition.day + 1) * DAY_SECS - 1;
            if !partition.is_attached || self.rules.is_generally_over(last_secs, self.now_secs) {
                removed += self.drop_day(client, &partition).await?;
            } else if self.is_old(partition.day * DAY_SECS) {
                removed += self.delete_due(client, &partition.name).await?;
            }
        }
        if removed > 0 {
            // Whole days go without their rows being asked; nothing of a record outlives it, whether its parser is still there
            // or not.
            for table in ["plugin_values", "plugin_forms"] {
                let orphans = format!(
                    "DELETE FROM {table} WHERE NOT EXISTS (SELECT FROM records WHERE records.id = {table}.id)"
                );
                client.execute(&orphans, &[]).await?;
            }
        }
        let counted = "SELECT machines_from FROM grouping";
        let counted_from: i64 = client.query_one(counted, &[]).await?.try_get(0)?;
        partition::drop_machines(client, counted_from).await?;
        removed += self.delete_due(client, KEPT).await?;
        self.forget_keys(client).await?;
        Ok(removed)
    }

    fn is_old(&self, received_secs: i64) -> bool {
        self.rules.horizon_secs(self.now_secs).is_some_and(|horizon_secs| received_secs < horizon_secs)
    }

    /// Removes the partition of a day. What a rule keeps is kept, whenever it came.
    async fn drop_day(&self, client: &mut Client, partition: &Partition) -> Result<u64, Fault> {
        let Partition { day, name, .. } = partition;
        let day = i32::try_from(*day).unwrap_or(i32::MAX);
        if partition.is_attached && !partition.is_pending {
            let mut after = i64::MIN;
            while let Some(examined) = self.examine(client, name, after).await? {
                after = examined.last.unwrap_or(i64::MAX);
                let moving = "UPDATE records SET day = 0 WHERE day = $1 AND id = ANY ($2)";
                client.execute(moving, &[&day, &examined.kept]).await?;
                if !(self.goes_on)() {
                    return Ok(0);
                }
            }
            client
                .batch_execute(&format!("ALTER TABLE records DETACH PARTITION {name} CONCURRENTLY"))
                .await?;
        } else if partition.is_pending {
            client.batch_execute(&format!("ALTER TABLE records DETACH PARTITION {name} FINALIZE")).await?;
        }
        self.drop_table(client, name).await
    }

    /// Drops a table that is detached. Counts its rows that were due.
    async fn drop_table(&self, client: &mut Client, name: &str) -> Result<u64, Fault> {
        let transaction = client.transaction().await?;
        transaction.batch_execute(&format!("LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE")).await?;
        let columns = super::row::COLUMNS;
        let moving = format!(
            "INSERT INTO records (day, {columns}) SELECT 0, {columns} FROM {name} WHERE id = ANY ($1)"
        );
        let (mut after, mut removed) = (i64::MIN, 0);
        while let Some(examined) = self.examine(&transaction, name, after).await? {
            after = examined.last.unwrap_or(i64::MAX);
            removed += count(&examined.due);
            transaction.execute(&moving, &[&examined.kept]).await?;
        }
        transaction.batch_execute(&format!("DROP TABLE {name}")).await?;
        transaction.commit().await?;
        Ok(removed)
    }

    /// Deletes the rows of a partition that are due, a step at a time.
    async fn delete_due(&self, client: &Client, name: &str) -> Result<u64, Fault> {
        let delete = format!("DELETE FROM {name} WHERE id = ANY ($1)");
        let (mut after, mut removed) = (i64::MIN, 0);
        while let Some(examined) = self.examine(client, name, after).await? {
            after = examined.last.unwrap_or(i64::MAX);
            if !examined.due.is_empty() {
                removed += count(&examined.due);
                client.execute(&delete, &[&examined.due]).await?;
            }
            if !(self.goes_on)() {
                break;
            }
        }
        Ok(removed)
    }

    /// Examines the next rows of a table, by id. `None` behind the last one.
    async fn examine(
        &self,
        client: &impl GenericClient,
        name: &str,
        after: i64,
    ) -> Result<Option<Examined>, Fault> {
        let query = format!(
            "SELECT id, ts_reception, classification, severity, machine_id FROM {name} \
             WHERE id > $1 ORDER BY id LIMIT {PURGE_STEP_RECORDS}"
        );
        let mut examined = Examined::default();
        for row in client.query(&query, &[&after]).await? {
            let id = row.try_get(0)?;
            let severity: i16 = row.try_get(3)?;
            let subject = Subject {
                classification: row.try_get(2)?,
                severity: u8::try_from(severity).unwrap_or_default(),
                machine_id: row.try_get(4)?,
                received_secs: row.try_get(1)?,
            };
            let is_due = self.rules.is_due(subject, self.now_secs);
            if is_due {
                examined.due.push(id)
            } else {
                examined.kept.push(id)
            }
            examined.last = Some(id);
        }
        if !examined.due.is_empty() {
            // What came from a buffer may be old when it comes; somebody is to have a day to see it.
            let young = "SELECT id FROM sync_keys WHERE id = ANY ($1) AND fetched > $2";
            for row in client.query(young, &[&examined.due, &(self.now_secs - DAY_SECS)]).await? {
                let id: i64 = row.try_get(0)?;
                examined.due.retain(|due| *due != id);
                examined.kept.push(id);
            }
        }
        Ok(examined.last.is_some().then_some(examined))
    }

    /// Forgets the keys of days that are further back than keys are known.
    async fn forget_keys(&self, client: &Client) -> Result<(), Fault> {
        let first_day = i32::try_from(day_of(self.now_secs) - KEY_DAYS).unwrap_or(i32::MIN);
        let forget = format!(
            "DELETE FROM idempotency WHERE key IN \
             (SELECT key FROM idempotency WHERE day < $1 LIMIT {PURGE_STEP_RECORDS})"
        );
        while (self.goes_on)() && client.execute(&forget, &[&first_day]).await? > 0 {}
        Ok(())
    }
}

fn count(ids: &[i64]) -> u64 {
    u64::try_from(ids.len()).unwrap_or(u64::MAX)
}
