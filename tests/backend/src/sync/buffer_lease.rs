//! Leases and their confirmation.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::boot_time;
use super::buffer::{Buffer, BufferError, mark_freed, own_id, waiting};
use super::id::{hex, random};
use super::leases::{Confirming, Lease, NotLeased};
use super::losses::losses;
use super::message::{ConfirmRequest, LeaseRequest, VERSION};
use super::wire::{End, Head, Waiting};
use crate::storage::{Row, Select, Session, StorageError, Value, Write, first, one};
use crate::timestamp::now_secs;
use crate::trust::Shown;

/// Seconds after which another may free, if the one who did is silent.
const TAKE_OVER_SECS: i64 = 24 * 60 * 60;

/// Seconds after which a silent keeper is not waited for.
const KEEPER_SECS: i64 = 7 * 24 * 60 * 60;

/// Keepers that are waited for. Each is somebody with the role `fetch`; who makes up ids holds no more than these up.
const MAX_KEEPERS: i64 = 64;

/// Items that are read in one step.
const STEP: usize = 500;

/// Items that were chosen, as lines.
#[derive(Default)]
struct Chosen {
    seqs: Vec<i64>,
    lines: Vec<u8>,
}

impl Buffer {
    /// Gives the oldest items that nobody has, as the body of an answer. Blocks.
    ///
    /// # Errors
    /// [`BufferError`]; nothing is leased then.
    pub fn lease(&self, request: &LeaseRequest, shown: Shown) -> Result<Vec<u8>, BufferError> {
        let now = now_secs();
        self.with_session(|session| {
            if request.anew {
                self.leases().end_where(|lease| lease.fetcher == request.fetcher);
            }
            if self.leases().is_full(&request.fetcher) {
                return Err(BufferError::TooManyLeases);
            }
            if request.keep {
                if !greet_keeper(session, &request.fetcher, now)? {
                    return Err(BufferError::TooManyLeases);
                }
            } else if let Some(other) = other_fetcher(session, &request.fetcher, now)? {
                return Err(BufferError::OtherFetcher(other));
            }
            // Held until the items are somebody's: none is dropped or expires in between.
            let mut leases = self.leases();
            let taken = leases.taken(&request.fetcher, request.keep);
            let after = match request.keep {
                true => passed(session, &request.fetcher)?
                    .max(leases.confirmed_ahead(&request.fetcher).unwrap_or(0)),
                false => 0,
            };
            let chosen = choose(session, request, after, &taken, now)?;
            let id = if chosen.seqs.is_empty() { None } else { Some(random()?) };
            let head = head(session, request, &chosen, id.clone(), now)?;
            let (body, digest) = body(&head, &chosen)?;
            if let Some(id) = id {
                let until = boot_time::now() + Duration::from_secs(request.lease_secs);
                let (fetcher, keep, seqs) = (request.fetcher.clone(), request.keep, chosen.seqs);
                leases.give(Lease { id, fetcher, keep, seqs, digest, until, shown });
            }
            Ok(body)
        })
    }

    /// Frees what was stored elsewhere, before it answers; or takes a lease back. Blocks.
    ///
    /// # Errors
    /// [`BufferError`]; nothing is freed then.
    pub fn confirm(&self, request: &ConfirmRequest) -> Result<(u64, Waiting), BufferError> {
        let now = now_secs();
        self.with_session(|session| {
            let found = self.leases().find(&request.fetcher, &request.lease, request.sha256.as_deref());
            let lease = match found {
                Ok(Confirming::Open(lease)) => lease,
                Ok(Confirming::Again(freed)) => return Ok((freed, waiting(session, now)?)),
                Err(NotLeased::Unknown) => return Err(BufferError::UnknownLease),
                Err(NotLeased::Expired) => return Err(BufferError::ExpiredLease),
                Err(NotLeased::Digest) => return Err(BufferError::Digest),
            };
            let mut freed = 0;
            let is_confirmed = request.sha256.is_some();
            if is_confirmed {
                freed = u64::try_from(lease.seqs.len()).unwrap_or(u64::MAX);
                self.free(session, &lease, now)?;
            }
            self.leases().finish(&lease, is_confirmed, freed);
            Ok((freed, waiting(session, now)?))
        })
    }

    fn free(&self, session: &mut dyn Session, lease: &Lease, now: i64) -> Result<(), StorageError> {
        if lease.keep {
            let passed = self.leases().pass(lease);
            return session.write(&mut |sql| {
                let update = "UPDATE buffer_keepers SET seen = $2, \
                    passed = CASE WHEN passed < $3 THEN $3 ELSE passed END WHERE fetcher = $1";
                sql.execute(
                    update,
                    &[lease.fetcher.as_str().into(), now.into(), passed.unwrap_or(0).into()],
                )?;
                delete_passed(sql, now)
            });
        }
        session.write(&mut |sql| {
            let behind = slowest_keeper(sql, now)?;
            let (gone, kept): (Vec<i64>, Vec<i64>) =
                lease.seqs.iter().partition(|seq| behind.is_none_or(|behind| **seq <= behind));
            crate::storage::delete_items(sql, &gone)?;
            mark_freed(sql, &kept)?;
            let update = "UPDATE sync_self SET freed_by = $1, freed_secs = $2";
            sql.execute(update, &[lease.fetcher.as_str().into(), now.into()])?;
            Ok(())
        })
    }
}

/// Who frees here, if that is another one who has done so within a day. A time in the future is a clock that was set back:
/// the day begins now.
fn other_fetcher(session: &mut dyn Session, fetcher: &str, now: i64) -> Result<Option<String>, StorageError> {
    let mut row = one(session, "SELECT freed_by, freed_secs FROM sync_self", &[])?;
    let (by, at) = (row.opt_text()?, row.int()?);
    let Some(by) = by.filter(|by| by != fetcher) else { return Ok(None) };
    if at > now {
        session
            .write(&mut |sql| sql.execute("UPDATE sync_self SET freed_secs = $1", &[now.into()]).map(drop))?;
    }
    Ok((now.saturating_sub(at) < TAKE_OVER_SECS).then_some(by))
}

/// From its first word on, items wait for a keeper; unless there are too many of them.
fn greet_keeper(session: &mut dyn Session, fetcher: &str, now: i64) -> Result<bool, StorageError> {
    let mut is_kept = false;
    session.write(&mut |sql| {
        sql.execute("DELETE FROM buffer_keepers WHERE seen < $1", &[(now - KEEPER_SECS).into()])?;
        let others = "SELECT count(*) FROM buffer_keepers WHERE fetcher <> $1";
        is_kept = one(sql, others, &[fetcher.into()])?.int()? < MAX_KEEPERS;
        if !is_kept {
            return Ok(());
        }
        let upsert = "INSERT INTO buffer_keepers (fetcher, passed, seen) VALUES ($1, 0, $2) \
            ON CONFLICT (fetcher) DO UPDATE SET seen = excluded.seen";
        sql.execute(upsert, &[fetcher.into(), now.into()]).map(drop)
    })?;
    Ok(is_kept)
}

fn passed(sql: &mut (impl Select + ?Sized), fetcher: &str) -> Result<i64, StorageError> {
    let row = first(sql, "SELECT passed FROM buffer_keepers WHERE fetcher = $1", &[fetcher.into()])?;
    row.map_or(Ok(0), |mut row| row.int())
}

/// Up to where all keepers have passed; none: there is no keeper.
fn slowest_keeper(sql: &mut dyn Write, now: i64) -> Result<Option<i64>, StorageError> {
    sql.execute("DELETE FROM buffer_keepers WHERE seen < $1", &[(now - KEEPER_SECS).into()])?;
    one(sql, "SELECT min(passed) FROM buffer_keepers", &[])?.opt_int()
}

/// Deletes what was freed before, and is now passed by all keepers.
pub(super) fn delete_passed(sql: &mut dyn Write, now: i64) -> Result<(), StorageError> {
    let behind = slowest_keeper(sql, now)?.unwrap_or(i64::MAX);
    loop {
        let query = "SELECT seq FROM buffer_items WHERE freed = 1 AND seq <= $1 ORDER BY seq LIMIT 500";
        let rows = sql.select(query, &[behind.into()])?;
        let seqs = rows.into_iter().map(|mut row| row.int()).collect::<Result<Vec<_>, _>>()?;
        if seqs.is_empty() {
            return Ok(());
        }
        crate::storage::delete_items(sql, &seqs)?;
    }
}

/// The oldest items that are not taken, within the bounds of the request. What others have is passed over by its number alone.
fn choose(
    session: &mut dyn Session,
    request: &LeaseRequest,
    mut after: i64,
    taken: &HashSet<i64>,
    now: i64,
) -> Result<Chosen, StorageError> {
    let own_id = own_id(session)?;
    let mut chosen = Chosen::default();
    let freed = if request.keep { "" } else { "freed = 0 AND" };
    let query = format!("SELECT seq FROM buffer_items WHERE {freed} seq > $1 ORDER BY seq LIMIT {STEP}");
    loop {
        let rows = session.select(&query, &[Value::Int(after)])?;
        let seqs = rows.into_iter().map(|mut row| row.int()).collect::<Result<Vec<_>, _>>()?;
        let Some(last) = seqs.last().copied() else { return Ok(chosen) };
        after = last;
        for row in items(session, seqs.into_iter().filter(|seq| !taken.contains(seq)))? {
            let (seq, line) = line(row, &own_id, now)?;
            let length = chosen.lines.len().saturating_add(line.len());
            let is_full = u64::try_from(chosen.seqs.len()).unwrap_or(u64::MAX) >= request.max_records
                || (!chosen.seqs.is_empty() && u64::try_from(length).unwrap_or(u64::MAX) > request.max_bytes);
            if is_full {
                return Ok(chosen);
            }
            chosen.seqs.push(seq);
            chosen.lines.extend_from_slice(&line);
        }
    }
}

/// Items by their numbers, in order.
fn items(session: &mut dyn Session, seqs: impl Iterator<Item = i64>) -> Result<Vec<Row>, StorageError> {
    let seqs: Vec<i64> = seqs.collect();
    if seqs.is_empty() {
        return Ok(Vec::new());
    }
    let list = crate::storage::list(seqs);
    let query = format!(
        "SELECT seq, kind, key, received, via, external, body FROM buffer_items WHERE seq IN ({list}) ORDER BY seq"
    );
    session.select(&query, &[])
}

/// The line of an item. Its body is JSON that this collector has written, and is not read again.
fn line(mut row: Row, own_id: &str, now: i64) -> Result<(i64, Vec<u8>), StorageError> {
    let (seq, kind, key) = (row.int()?, row.text()?, row.text()?);
    let (received, via, external) = (row.int()?, row.text()?, row.int()? != 0);
    // In JSON a line break means as much as a blank.
    let body = row.text()?.replace(['\n', '\r'], " ");
    let text = if kind == "forget" {
        format!("{{\"seq\":{seq},\"kind\":\"forget\",\"preimages\":{body}}}\n")
    } else {
        let via: Vec<&str> = via.split_whitespace().chain([own_id]).collect();
        let age = now.saturating_sub(received).max(0);
        let (key, via) = (json!(key), json!(via));
        format!(
            "{{\"seq\":{seq},\"kind\":\"record\",\"key\":{key},\"received_secs\":{received},\"age_secs\":{age},\"via\":{via},\
             \"external\":{external},\"record\":{body}}}\n"
        )
    };
    Ok((seq, text.into_bytes()))
}

fn head(
    session: &mut dyn Session,
    request: &LeaseRequest,
    chosen: &Chosen,
    lease: Option<String>,
    now: i64,
) -> Result<Head, StorageError> {
    Ok(Head {
        version: VERSION,
        buffer: own_id(session)?,
        lease,
        now,
        items: u64::try_from(chosen.seqs.len()).unwrap_or(u64::MAX),
        lease_secs: request.lease_secs,
        last_seq: one(session, "SELECT last_seq FROM sync_self", &[])?.int()?,
        waiting: waiting(session, now)?,
        losses: losses(session)?,
    })
}

fn body(head: &Head, chosen: &Chosen) -> Result<(Vec<u8>, String), StorageError> {
    let failed = |error: serde_json::Error| StorageError::Failed(error.to_string());
    let mut body = serde_json::to_vec(head).map_err(failed)?;
    body.push(b'\n');
    body.extend_from_slice(&chosen.lines);
    let sha256 = hex(&Sha256::digest(&body));
    let end = End { end: head.items, sha256: sha256.clone() };
    body.extend(serde_json::to_vec(&end).map_err(failed)?);
    body.push(b'\n');
    Ok((body, sha256))
}
