//! Which names are wanted, which files were tried, and what came of it.

use super::sample::sample;
use crate::groups::counting::day_of;
use crate::groups::reading::{FunctionAt, Variant, unnamed_in_threads};
use crate::limits::{NAMED_ADDRESSES, WANTED_ADDRESSES, WANTED_OF_VARIANT};
use crate::storage::grouping::json;
use crate::storage::sql::{Value, Write, first, one};
use crate::storage::{Answers, Session, StorageError};

/// Variants that are searched at a time.
const SCANNED: u32 = 200;

/// A variant is there a little before its first record is.
const SETTLING_SECS: i64 = 3;

/// Files that are found out at a time.
const FILES: u32 = 16;

/// Addresses that one reading of a file names. More have their turn in the next.
const ADDRESSES_OF_FILE: u32 = 4096;

/// How long it is kept that there is no file for a build-id.
pub const MISSED_A_DAY_SECS: i64 = 24 * 60 * 60;

/// Days that a name is wanted, for which there is no file. The records that want it are gone by then.
const WANTED_DAYS: i64 = 40;

/// A file that could name addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedFile {
    /// The build-id of the module.
    pub build_id: String,
    /// The addresses in it.
    pub addresses: Vec<u64>,
}

/// What a file said of addresses: functions, the innermost first; none where it knows none.
pub type FoundNames = Vec<(u64, Vec<FunctionAt>)>;

/// Where a file was looked up in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Miss {
    /// In directories alone.
    Here,
    /// At a server too.
    AtServer,
}

/// What is waiting, for the page of the collector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Addresses that have names.
    pub named: u64,
    /// Addresses that wait for one.
    pub wanted: u64,
    /// Build-ids for which there was no file, within a day.
    pub missed: u64,
}

/// Searches the next variants for frames without a name; says whether there may be more. Where records are on their way to
/// other groups, it waits.
///
/// # Errors
/// If the database fails.
pub fn scan(session: &mut dyn Session, now_secs: i64) -> Result<bool, StorageError> {
    let query = "SELECT symbols_read FROM grouping";
    let after = one(session, query, &[])?.int()?;
    if first(session, "SELECT from_group FROM moves LIMIT 1", &[])?.is_some() {
        return Ok(false);
    }
    let query = format!(
        "SELECT id, group_id, first_seen, tokens FROM variants WHERE id > $1 ORDER BY id LIMIT {SCANNED}"
    );
    let rows = session.select(&query, &[after.into()])?;
    let (mut wanted, mut done_to) = (Vec::new(), after);
    for mut row in rows {
        let (id, group, first_seen_secs) = (row.int()?, row.int()?, row.int()?);
        if first_seen_secs > now_secs - SETTLING_SECS {
            break;
        }
        done_to = id;
        let variant: Variant = row.json()?;
        if !variant.may_have_unnamed() {
            continue;
        }
        if let Some(sample) = sample(session, id, group)? {
            let addresses = unnamed_in_threads(&sample.payload).into_iter().take(WANTED_OF_VARIANT);
            wanted.extend(addresses.map(|address| (address, id)));
        }
    }
    if done_to == after {
        return Ok(false);
    }
    session.write(&mut |sql| {
        let room = one(sql, "SELECT count(*) FROM symbol_wanted", &[])?.count()?;
        let room = WANTED_ADDRESSES.saturating_sub(room);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        if wanted.len() > room {
            note_bound(sql, now_secs)?;
        }
        for (address, variant) in wanted.iter().take(room) {
            let insert = "INSERT INTO symbol_wanted (build_id, address, variant, since) VALUES ($1, $2, $3, $4) \
                ON CONFLICT (build_id, address, variant) DO NOTHING";
            let offset = address.offset.cast_signed();
            let values =
                [address.build_id.as_str().into(), offset.into(), (*variant).into(), now_secs.into()];
            sql.execute(insert, &values)?;
        }
        sql.execute("UPDATE grouping SET symbols_read = $1", &[done_to.into()]).map(drop)
    })?;
    Ok(true)
}

fn note_bound(sql: &mut dyn Write, now_secs: i64) -> Result<(), StorageError> {
    let upsert = "INSERT INTO bound_day (day, bound, slot, n, example) VALUES ($1, 'symbols', 0, 1, 'names of debug files') \
        ON CONFLICT (day, bound, slot) DO UPDATE SET n = bound_day.n + 1";
    sql.execute(upsert, &[day_of(now_secs).into()]).map(drop)
}

/// The files that are to be looked up now: those that never were in vain, before others; of these, those first whose groups have most
/// machines. One that was found is asked again for further addresses, after a while or, if it is at `hand`, at once.
///
/// # Errors
/// If the database cannot be read.
pub fn next(
    session: &mut dyn Session,
    sources: &str,
    hand: &[String],
    now_secs: i64,
) -> Result<Vec<WantedFile>, StorageError> {
    let is_wanted = first(session, "SELECT build_id FROM symbol_wanted LIMIT 1", &[])?.is_some();
    if !is_wanted || one(session, "SELECT count(*) FROM symbols", &[])?.count()? >= NAMED_ADDRESSES {
        return Ok(Vec::new());
    }
    let mut values: Vec<Value> = vec![(day_of(now_secs) - 14).into(), now_secs.into(), sources.into()];
    let mut at_hand = vec!["''".to_owned()];
    for build_id in hand {
        values.push(build_id.as_str().into());
        at_hand.push(format!("${}", values.len()));
    }
    let query = format!(
        "SELECT w.build_id, max(coalesce(m.machines, 0)) AS machines, \
             max(CASE WHEN f.missed > 0 THEN 1 ELSE 0 END) AS is_missed \
         FROM symbol_wanted w JOIN variants v ON v.id = w.variant \
         LEFT JOIN symbols s ON s.build_id = w.build_id AND s.address = w.address \
         LEFT JOIN symbol_files f ON f.build_id = w.build_id \
         LEFT JOIN (SELECT group_id, max(n) AS machines FROM (SELECT group_id, day, CAST(sum(machines) AS bigint) AS n \
             FROM group_day WHERE day > $1 GROUP BY group_id, day) AS days GROUP BY group_id) AS m ON m.group_id = v.group_id \
         WHERE s.build_id IS NULL AND (f.build_id IS NULL OR f.again <= $2 OR f.sources <> $3 OR w.build_id IN ({})) \
         GROUP BY w.build_id ORDER BY is_missed, machines DESC, w.build_id LIMIT {FILES}",
        at_hand.join(", ")
    );
    let mut files = Vec::new();
    for mut row in session.select(&query, &values)? {
        let build_id = row.text()?;
        let addresses = addresses(session, &build_id)?;
        files.push(WantedFile { build_id, addresses });
    }
    Ok(files)
}

fn addresses(session: &mut dyn Session, build_id: &str) -> Result<Vec<u64>, StorageError> {
    let query = format!(
        "SELECT DISTINCT w.address FROM symbol_wanted w LEFT JOIN symbols s ON s.build_id = w.build_id \
         AND s.address = w.address WHERE w.build_id = $1 AND s.build_id IS NULL ORDER BY w.address LIMIT {ADDRESSES_OF_FILE}"
    );
    let rows = session.select(&query, &[build_id.into()])?;
    rows.into_iter().map(|mut row| Ok(row.int()?.cast_unsigned())).collect()
}

/// Files that a server was asked for in vain since then.
///
/// # Errors
/// If the database cannot be read.
pub fn misses_since(session: &mut dyn Session, since_secs: i64) -> Result<u64, StorageError> {
    let query = "SELECT count(*) FROM symbol_files WHERE tried > $1 AND missed = 2";
    one(session, query, &[since_secs.into()])?.count()
}

/// Notes that a file is being looked up, so that no other collector does meanwhile, and nobody does at once who was killed
/// by it. Says whether nobody else does; one that is at hand is nobody else's.
///
/// # Errors
/// If nothing is noted.
pub fn claim(
    session: &mut dyn Session,
    (build_id, is_at_hand): (&str, bool),
    sources: &str,
    (now_secs, again_secs): (i64, i64),
) -> Result<bool, StorageError> {
    let mut is_ours = false;
    session.write(&mut |sql| {
        let query = "SELECT build_id FROM symbol_files WHERE build_id = $1 AND again > $2 AND sources = $3";
        let other = first(sql, query, &[build_id.into(), now_secs.into(), sources.into()])?;
        is_ours = is_at_hand || other.is_none();
        if is_ours { note_file(sql, build_id, sources, 0, (now_secs, again_secs)) } else { Ok(()) }
    })?;
    Ok(is_ours)
}

/// Notes that a file could not be looked up now.
///
/// # Errors
/// If nothing is noted.
pub fn note_later(
    session: &mut dyn Session,
    build_id: &str,
    sources: &str,
    times: (i64, i64),
) -> Result<(), StorageError> {
    session.write(&mut |sql| note_file(sql, build_id, sources, 0, times))
}

/// Notes that there is no file that helps, until `again_secs`.
///
/// # Errors
/// If nothing is noted.
pub fn miss(
    session: &mut dyn Session,
    build_id: &str,
    sources: &str,
    miss: Miss,
    (now_secs, again_secs): (i64, i64),
) -> Result<(), StorageError> {
    let missed = match miss {
        Miss::Here => 1,
        Miss::AtServer => 2,
    };
    session.write(&mut |sql| note_file(sql, build_id, sources, missed, (now_secs, again_secs)))
}

fn note_file(
    sql: &mut dyn Write,
    build_id: &str,
    sources: &str,
    missed: i64,
    (now_secs, again_secs): (i64, i64),
) -> Result<(), StorageError> {
    let upsert = "INSERT INTO symbol_files (build_id, sources, tried, missed, again) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT (build_id) DO UPDATE SET sources = excluded.sources, tried = excluded.tried, missed = excluded.missed, \
        again = excluded.again";
    let values = [build_id.into(), sources.into(), now_secs.into(), missed.into(), again_secs.into()];
    sql.execute(upsert, &values).map(drop)
}

/// Keeps what a file said. What it does not know is wanted no more.
///
/// # Errors
/// If nothing is kept.
pub fn keep(
    session: &mut dyn Session,
    build_id: &str,
    found: &FoundNames,
    (source, sources): (&str, &str),
    (now_secs, again_secs): (i64, i64),
) -> Result<(), StorageError> {
    session.write(&mut |sql| {
        for (address, names) in found {
            let insert = "INSERT INTO symbols (build_id, address, names, source, tried) VALUES ($1, $2, $3, $4, $5) \
                ON CONFLICT (build_id, address) DO NOTHING";
            let offset = address.cast_signed();
            let values =
                [build_id.into(), offset.into(), json(names)?.into(), source.into(), now_secs.into()];
            sql.execute(insert, &values)?;
        }
        let unknown = "DELETE FROM symbol_wanted WHERE build_id = $1 AND EXISTS (SELECT 1 FROM symbols s \
            WHERE s.build_id = symbol_wanted.build_id AND s.address = symbol_wanted.address AND s.names = '[]')";
        sql.execute(unknown, &[build_id.into()])?;
        note_file(sql, build_id, sources, 0, (now_secs, again_secs))
    })
}

/// Forgets what is wanted no more: for too long, or by variants that are gone.
///
/// # Errors
/// If nothing is forgotten.
pub fn forget(session: &mut dyn Session, now_secs: i64) -> Result<(), StorageError> {
    let before = now_secs - WANTED_DAYS * MISSED_A_DAY_SECS;
    session.write(&mut |sql| {
        for delete in [
            "DELETE FROM symbol_wanted WHERE since < $1",
            "DELETE FROM symbol_files WHERE tried < $1",
            "DELETE FROM symbols WHERE names = '[]' AND tried < $1",
        ] {
            sql.execute(delete, &[before.into()])?;
        }
        for table in ["symbol_wanted", "symbol_variants"] {
            let gone = format!(
                "DELETE FROM {table} WHERE NOT EXISTS (SELECT 1 FROM variants v WHERE v.id = {table}.variant)"
            );
            sql.execute(&gone, &[])?;
        }
        Ok(())
    })
}

impl Answers<'_> {
    /// What is waiting for names.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn waiting_names(&mut self) -> Result<Waiting, StorageError> {
        let query = "SELECT (SELECT count(*) FROM symbols WHERE names <> '[]'), \
            (SELECT count(*) FROM (SELECT DISTINCT build_id, address FROM symbol_wanted) AS wanted), \
            (SELECT count(*) FROM symbol_files WHERE missed > 0 AND again > $1)";
        let mut row = one(self.sql, query, &[self.now_secs.into()])?;
        Ok(Waiting { named: row.count()?, wanted: row.count()?, missed: row.count()? })
    }
}
