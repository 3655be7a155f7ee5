//! The partitions of `records`: one a day, and one for what is kept longer; and those of the tables that know machines.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tokio_postgres::{Client, GenericClient};

use super::fault::Fault;
use super::schema::PARTITION_LOCK;

pub(super) const DAY_SECS: i64 = 24 * 60 * 60;

/// The partition of rows that are kept longer than their days: its rows have day 0.
pub(super) const KEPT: &str = "records_kept";

/// Tables that know machines, beside `records`: of each day a partition too, which goes when the day's records go.
pub(super) const BY_MACHINE: [&str; 3] = ["group_machine", "group_version_machine", "machine_day"];

/// Days that are made before their first record comes.
const DAYS_AHEAD: i64 = 3;

/// A partition that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Partition {
    pub(super) day: i64,
    pub(super) name: String,
    /// Whether `records` has it. One that it has not was on its way out when a purge was broken off.
    pub(super) is_attached: bool,
    /// Whether it is being detached, or was when that was broken off.
    pub(super) is_pending: bool,
}

/// The UTC day of a time, in days since 1970.
pub(super) fn day_of(unix_secs: i64) -> i64 {
    unix_secs.div_euclid(DAY_SECS)
}

/// `records_20260131`.
fn name_of(table: &str, day: i64) -> String {
    let start = SignedDuration::from_secs(day.saturating_mul(DAY_SECS));
    let date = Timestamp::from_duration(start).map_or(Date::MAX, |time| time.to_zoned(TimeZone::UTC).date());
    format!("{table}_{}", date.strftime("%Y%m%d"))
}

/// The day of a name.
fn day_named(name: &str) -> Option<i64> {
    let date = Date::strptime("%Y%m%d", name.strip_prefix("records_")?).ok()?;
    Some(day_of(date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second()))
}

/// Makes the partition of a day, unless it is there. A record without a time has day 0, which [`KEPT`] takes.
pub(super) async fn ensure(client: &mut Client, day: i64) -> Result<(), Fault> {
    if day <= 0 {
        return Ok(());
    }
    let transaction = client.transaction().await?;
    ensure_within(&transaction, day).await?;
    Ok(transaction.commit().await?)
}

/// The same, in a transaction.
pub(super) async fn ensure_within(transaction: &impl GenericClient, day: i64) -> Result<(), Fault> {
    if day <= 0 {
        return Ok(());
    }
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&PARTITION_LOCK]).await?;
    for table in [&["records"], &BY_MACHINE[..]].concat() {
        let name = name_of(table, day);
        let attached = "SELECT count(*) FROM pg_inherits WHERE inhrelid = to_regclass($1)";
        let attached: i64 = transaction.query_one(attached, &[&name]).await?.try_get(0)?;
        if attached == 0 {
            // Attached and not created in its place: that would stop everybody who reads or writes the table.
            let next = day + 1;
            transaction
                .batch_execute(&format!(
                    "CREATE TABLE IF NOT EXISTS {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS); \
                     ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ({day}) TO ({next})"
                ))
                .await?;
        }
    }
    Ok(())
}

/// Makes the partitions of today and the next days.
pub(super) async fn ensure_ahead(client: &mut Client, now_secs: i64) -> Result<(), Fault> {
    for day in day_of(now_secs)..=day_of(now_secs) + DAYS_AHEAD {
        ensure(client, day).await?;
    }
    Ok(())
}

/// Drops the partitions of tables that know machines whose days are before `first_day`. Counts them.
pub(super) async fn drop_machines(client: &impl GenericClient, first_day: i64) -> Result<u64, Fault> {
    let mut dropped = 0;
    for table in BY_MACHINE {
        let query = format!(
            "SELECT c.relname::text FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid \
             WHERE i.inhparent = '{table}'::regclass AND c.relname ~ '^{table}_[0-9]{{8}}$'"
        );
        for row in client.query(&query, &[]).await? {
            let name: String = row.try_get(0)?;
            let day = name.strip_prefix(table).and_then(|rest| day_named(&format!("records{rest}")));
            if day.is_some_and(|day| day < first_day) {
                // Its rows have been deleted; who reads the table is waited for, which is short.
                client.batch_execute(&format!("DROP TABLE {name}")).await?;
                dropped += 1;
            }
        }
    }
    Ok(dropped)
}

/// The partitions of days, oldest first, with those that were left over.
pub(super) async fn list(client: &impl GenericClient) -> Result<Vec<Partition>, Fault> {
    let query = "SELECT c.relname::text, i.inhrelid IS NOT NULL, coalesce(i.inhdetachpending, false) \
                 FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND i.inhparent = 'records'::regclass \
                 WHERE c.relkind = 'r' AND c.relname ~ '^records_[0-9]{8}$' \
                     AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'records'::regclass)";
    let mut partitions = Vec::new();
    for row in client.query(query, &[]).await? {
        let name: String = row.try_get(0)?;
        if let Some(day) = day_named(&name) {
            partitions.push(Partition {
                day,
                name,
                is_attached: row.try_get(1)?,
                is_pending: row.try_get(2)?,
            });
        }
    }
    partitions.sort_by_key(|partition| partition.day);
    Ok(partitions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_a_name_and_the_name_a_day() {
        for (unix_secs, name) in [
            (0, "records_19700101"),
            (86_399, "records_19700101"),
            (86_400, "records_19700102"),
            (951_782_400, "records_20000229"),
            (1_769_817_600, "records_20260131"),
        ] {
            assert_eq!(name_of("records", day_of(unix_secs)), name);
            assert_eq!(day_named(name), Some(day_of(unix_secs)));
        }
        for name in ["records_kept", "records_20260231", "records"] {
            assert_eq!(day_named(name), None, "{name}");
        }
    }
}
