//! Tombstones and jobs.

use super::preimage::Preimage;
use crate::storage::{Session, StorageError, Write, first, next_seq, one};

/// Tombstones of ids under which nothing was here: anybody can make such up.
const MAX_UNKNOWN: i64 = 100_000;

/// Seconds that a tombstone stands.
const STANDS_SECS: i64 = 100 * 24 * 60 * 60;

/// Whether it has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Records of these ids are refused from now on.
    Yes,
    /// Not of all: there are too many ids under which nothing was ever sent here.
    TooMany,
}

/// Refuses records of these ids from now on, and notes that theirs are to be deleted; a buffer passes that on. What is noted
/// already is noted again. An id for which there is no room keeps none of the others from being forgotten.
///
/// # Errors
/// If nothing is noted.
pub fn begin(
    session: &mut dyn Session,
    preimages: &[Preimage],
    passes_on: bool,
    now_secs: i64,
) -> Result<Begun, StorageError> {
    let mut begun = Begun::Yes;
    session.write_alone(&mut |sql| {
        begun = Begun::Yes;
        sql.execute("DELETE FROM forgotten WHERE forgotten < $1", &[(now_secs - STANDS_SECS).into()])?;
        // Counted once: there may be many, and nobody else notes any meanwhile.
        let unknown = one(sql, "SELECT count(*) FROM forgotten WHERE known = 0", &[])?.int()?;
        let mut room = MAX_UNKNOWN.saturating_sub(unknown);
        for preimage in preimages {
            if !note(sql, preimage, &mut room, now_secs)? {
                begun = Begun::TooMany;
            } else if passes_on {
                pass_on(sql, preimage)?;
            }
        }
        Ok(())
    })?;
    Ok(begun)
}

/// Notes one id; says whether there was room for it. `room` is what is left for ids under which nothing was here.
fn note(
    sql: &mut dyn Write,
    preimage: &Preimage,
    room: &mut i64,
    now_secs: i64,
) -> Result<bool, StorageError> {
    let id = preimage.machine_id();
    let is_known = is_known(sql, &id)?;
    let there = first(sql, "SELECT known FROM forgotten WHERE hash = $1", &[preimage.tombstone().into()])?;
    if there.is_none() && !is_known {
        if *room <= 0 {
            return Ok(false);
        }
        *room -= 1;
    }
    let upsert = "INSERT INTO forgotten (hash, forgotten, known) VALUES ($1, $2, $3) \
        ON CONFLICT (hash) DO UPDATE SET forgotten = excluded.forgotten";
    sql.execute(upsert, &[preimage.tombstone().into(), now_secs.into(), i64::from(is_known).into()])?;
    if is_known {
        let job =
            "INSERT INTO forget_jobs (machine_id, begun) VALUES ($1, $2) ON CONFLICT (machine_id) DO NOTHING";
        sql.execute(job, &[id.into(), now_secs.into()])?;
    }
    Ok(true)
}

fn is_known(sql: &mut dyn Write, id: &str) -> Result<bool, StorageError> {
    for table in ["records", "machine_day", "buffer_items", "state_machine", "downtime"] {
        let query = match table {
            "state_machine" => "SELECT 1 FROM state_machine WHERE kind = 0 AND name = $1 LIMIT 1".to_owned(),
            "downtime" => "SELECT 1 FROM downtime WHERE kind = 0 AND machine = $1 LIMIT 1".to_owned(),
            // By its index.
            "machine_day" => "SELECT 1 FROM machine_day WHERE machine = $1 LIMIT 1".to_owned(),
            _ => format!("SELECT 1 FROM {table} WHERE machine_id = $1 LIMIT 1"),
        };
        let value = match table {
            "machine_day" => crate::groups::hash::machine_key(id).into(),
            _ => id.into(),
        };
        if first(sql, &query, &[value])?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Puts an item into the buffer, behind the records that are there: whoever fetches checks the proof himself. One that waits
/// already waits once, however often it is asked for: items like it have no other bound.
fn pass_on(sql: &mut dyn Write, preimage: &Preimage) -> Result<(), StorageError> {
    let proof = preimage.to_hex();
    let waits = "SELECT 1 FROM buffer_items WHERE kind = 'forget' AND key = $1 AND freed = 0";
    if first(sql, waits, &[proof.as_str().into()])?.is_some() {
        return Ok(());
    }
    let seq = next_seq(sql)?;
    let body = serde_json::to_string(&[&proof]).map_err(|error| StorageError::Failed(error.to_string()))?;
    let insert = "INSERT INTO buffer_items (seq, kind, key, received, aged, machine_id, bytes, freed, via, external, body) \
        VALUES ($1, 'forget', $2, 0, 0, '', 0, 0, '', 0, $3)";
    sql.execute(insert, &[seq.into(), proof.into(), body.into()])?;
    Ok(())
}
