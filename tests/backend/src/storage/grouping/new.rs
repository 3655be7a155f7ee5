//! What is seen for the first time: variants, signatures, groups. Each within its bound.

use std::sync::Arc;

use super::directory::{Directory, KnownVariant, json};
use super::facts::{Failure, asked};
use crate::groups::bounds::{Admission, NewToday, admit, admits_variant, admitted, condensed};
use crate::groups::changes::Grouping;
use crate::groups::hash::Hash;
use crate::groups::limits::{NEW_SIGNATURES, NEW_SIGNATURES_OF_SUBJECT};
use crate::groups::reading::{Variant, read_with, unnamed};
use crate::groups::rules::Rules;
use crate::groups::signature::{Signature, Verdict, decide};
use crate::groups::states::Marks;
use crate::record::Record;
use crate::storage::StorageError;
use crate::storage::answers::{DECISION, read_decision};
use crate::storage::sql::{Write, first, one};
use crate::storage::symbols::Names;

/// A variant that is stored.
pub(super) struct Found {
    pub(super) known: KnownVariant,
    /// Whether it is the record's own, and none that stands for many.
    pub(super) is_own: bool,
}

/// When something was seen for the first time.
#[derive(Clone, Copy)]
struct When {
    day: i64,
    secs: i64,
}

/// The variant that a failure counts for, which this session did not know.
pub(super) fn find_or_make(
    directory: &mut Directory,
    sql: &mut dyn Write,
    rules: &Rules,
    (record, failure): (&Record, &Failure),
    (day, secs): (i64, i64),
) -> Result<Found, StorageError> {
    let own = &failure.reading.variant;
    if let Some(known) = find(directory, sql, rules, &failure.hash, own)? {
        return Ok(Found { known, is_own: true });
    }
    let when = When { day, secs };
    let named = names_of(sql, record, own)?;
    let full = named.as_ref().unwrap_or(own);
    let variant = bounded(directory, sql, rules, full, &decide(rules, full), when)?;
    let is_own = variant == *full;
    let hash = if is_own { failure.hash.clone() } else { variant.hash() };
    let known = match find(directory, sql, rules, &hash, &variant)? {
        Some(known) => known,
        None => make(directory, sql, rules, (hash, &variant), when)?,
    };
    if is_own && named.is_some() {
        note_named(sql, known.id, &decide(rules, own).signature.hash)?;
    }
    Ok(Found { known, is_own })
}

/// A record's own variant with the names that debug files have; none if they have none.
fn names_of(sql: &mut dyn Write, record: &Record, own: &Variant) -> Result<Option<Variant>, StorageError> {
    if !own.has_unnamed() {
        return Ok(None);
    }
    let names = Names::of(sql, &unnamed(&record.payload))?;
    if names.is_empty() {
        return Ok(None);
    }
    let reading = read_with(&asked(record), &|address| names.functions(address));
    Ok(reading.ok().map(|reading| reading.variant))
}

fn find(
    directory: &mut Directory,
    sql: &mut dyn Write,
    rules: &Rules,
    hash: &Hash,
    variant: &Variant,
) -> Result<Option<KnownVariant>, StorageError> {
    if let Some(known) = directory.variants.get(hash) {
        return Ok(Some(known.clone()));
    }
    let query = "SELECT id, group_id, first_seen, tokens FROM variants WHERE hash = $1";
    let Some(mut row) = first(sql, query, &[hash.as_str().into()])? else { return Ok(None) };
    let (id, group, first_seen_secs) = (row.int()?, row.int()?, row.int()?);
    let stored: Variant = row.json()?;
    let known = known(rules, (id, group), first_seen_secs, (variant, &stored));
    directory.variants.insert(hash.clone(), known.clone());
    Ok(Some(known))
}

/// What is known of a variant: as a report has it, and as it is stored, with names of debug files.
fn known(
    rules: &Rules,
    (id, group): (i64, i64),
    first_seen_secs: i64,
    (own, stored): (&Variant, &Variant),
) -> KnownVariant {
    let verdict = decide(rules, stored);
    let named_module = if own == stored { None } else { leading(stored, &verdict) };
    KnownVariant { id, group, first_seen_secs, verdict: Arc::new(verdict), named_module }
}

/// The module of the frame that the name of a variant ends with.
pub(in crate::storage) fn leading(variant: &Variant, verdict: &Verdict) -> Option<String> {
    let at = verdict.steps.iter().rposition(|step| step.done.is_in_name())?;
    variant.frames.get(at).map(|token| token.module.clone())
}

/// The variant itself, or the one that stands for many of its kind.
fn bounded(
    directory: &mut Directory,
    sql: &mut dyn Write,
    rules: &Rules,
    variant: &Variant,
    verdict: &Verdict,
    when: When,
) -> Result<Variant, StorageError> {
    let signature = &verdict.signature;
    let query = "SELECT 1 FROM signatures WHERE hash = $1";
    if first(sql, query, &[signature.hash.as_str().into()])?.is_none() {
        let admission = admission(directory, sql, signature, when.day)?;
        let bound = match admission {
            Admission::Own => return Ok(variant.clone()),
            Admission::ManyOfSubject => "signatures_of_program",
            Admission::ManyOfKind => "signatures",
        };
        note_bound(sql, when.day, bound, &signature.subject)?;
        return Ok(admitted(variant.clone(), admission));
    }
    let query = "SELECT count(*) FROM variants WHERE signature = $1 AND first_day = $2";
    let new_today = one(sql, query, &[signature.hash.as_str().into(), when.day.into()])?.count()?;
    if admits_variant(new_today) {
        return Ok(variant.clone());
    }
    note_bound(sql, when.day, "variants", &signature.subject)?;
    Ok(condensed(rules, variant, verdict))
}

/// Whether a signature that was never seen may be a group. Who has had all for a day is not counted again.
fn admission(
    directory: &mut Directory,
    sql: &mut dyn Write,
    signature: &Signature,
    day: i64,
) -> Result<Admission, StorageError> {
    let (kind, subject) = (signature.kind.name().to_owned(), signature.subject.clone());
    let of_all = (day, String::new(), String::new());
    let of_subject = (day, kind, subject);
    if directory.full.contains(&of_all) {
        return Ok(Admission::ManyOfKind);
    }
    if directory.full.contains(&of_subject) {
        return Ok(Admission::ManyOfSubject);
    }
    let query = "SELECT count(*), coalesce(CAST(sum(CASE WHEN kind = $2 AND subject = $3 THEN 1 ELSE 0 END) AS bigint), 0) \
        FROM signatures WHERE first_day = $1";
    let values = [day.into(), of_subject.1.as_str().into(), of_subject.2.as_str().into()];
    let mut row = one(sql, query, &values)?;
    let today = NewToday { in_all: row.count()?, of_subject: row.count()? };
    if today.in_all >= NEW_SIGNATURES {
        directory.full.insert(of_all);
    } else if today.of_subject >= NEW_SIGNATURES_OF_SUBJECT {
        directory.full.insert(of_subject);
    }
    Ok(admit(today))
}

/// Stores a variant, with its signature and its group where these are new too.
fn make(
    directory: &mut Directory,
    sql: &mut dyn Write,
    rules: &Rules,
    (hash, variant): (Hash, &Variant),
    when: When,
) -> Result<KnownVariant, StorageError> {
    let signature = &decide(rules, variant).signature;
    put_signature(sql, signature, when.secs)?;
    if directory.grouping.is_none() {
        let decisions = sql.select(&format!("SELECT {DECISION} FROM decisions ORDER BY id"), &[])?;
        let decisions: Result<Vec<_>, _> =
            decisions.into_iter().map(|mut row| read_decision(&mut row)).collect();
        directory.grouping = Some(Grouping::new(&decisions?));
    }
    let key = directory.grouping.as_ref().map(|grouping| grouping.key_of(&hash, &signature.hash));
    let group = group_of(sql, &key.unwrap_or_else(|| signature.hash.clone()), signature, when.secs)?;
    let insert = "INSERT INTO variants (hash, signature, group_id, tokens, rules, first_seen, first_day) \
        VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id";
    let values = [
        hash.as_str().into(),
        signature.hash.as_str().into(),
        group.into(),
        json(variant)?.into(),
        rules.version().into(),
        when.secs.into(),
        when.day.into(),
    ];
    let id = one(sql, insert, &values)?.int()?;
    let known = known(rules, (id, group), when.secs, (variant, variant));
    directory.variants.insert(hash, known.clone());
    Ok(known)
}

/// Notes that debug files named a variant, which had this signature without them.
pub(in crate::storage) fn note_named(
    sql: &mut dyn Write,
    variant: i64,
    signature_before: &Hash,
) -> Result<(), StorageError> {
    let insert = "INSERT INTO symbol_variants (variant, signature_before) VALUES ($1, $2) \
        ON CONFLICT (variant) DO NOTHING";
    sql.execute(insert, &[variant.into(), signature_before.as_str().into()])?;
    Ok(())
}

/// Stores a signature, unless it is there.
pub(in crate::storage) fn put_signature(
    sql: &mut dyn Write,
    signature: &Signature,
    secs: i64,
) -> Result<(), StorageError> {
    let insert = "INSERT INTO signatures (hash, kind, subject, name, first_seen, first_day) \
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (hash) DO NOTHING";
    let values = [
        signature.hash.as_str().into(),
        signature.kind.name().into(),
        signature.subject.as_str().into(),
        signature.name.as_str().into(),
        secs.into(),
        crate::groups::counting::day_of(secs).into(),
    ];
    sql.execute(insert, &values)?;
    Ok(())
}

/// Stores a signature; if it is there, with the name that it has now.
pub(in crate::storage) fn rename_signature(
    sql: &mut dyn Write,
    signature: &Signature,
    secs: i64,
) -> Result<(), StorageError> {
    put_signature(sql, signature, secs)?;
    let update = "UPDATE signatures SET name = $1 WHERE hash = $2 AND name <> $1";
    sql.execute(update, &[signature.name.as_str().into(), signature.hash.as_str().into()])?;
    Ok(())
}

/// The group with a key; a new one if there is none. One that was emptied is filled again.
fn group_of(sql: &mut dyn Write, key: &Hash, signature: &Signature, secs: i64) -> Result<i64, StorageError> {
    let query = "SELECT id, redirect FROM groups WHERE key = $1 ORDER BY id LIMIT 1";
    if let Some(mut row) = first(sql, query, &[key.as_str().into()])? {
        let (id, redirect) = (row.int()?, row.opt_int()?);
        if redirect.is_some() {
            sql.execute("UPDATE groups SET redirect = NULL WHERE id = $1", &[id.into()])?;
        }
        return Ok(id);
    }
    new_group(sql, key, signature, secs)
}

/// Makes a group.
pub(in crate::storage) fn new_group(
    sql: &mut dyn Write,
    key: &Hash,
    signature: &Signature,
    first_seen_secs: i64,
) -> Result<i64, StorageError> {
    let insert = "INSERT INTO groups (key, name, kind, program, first_seen, last_seen, marks) \
        VALUES ($1, $2, $3, $4, $5, $5, $6) RETURNING id";
    let values = [
        key.as_str().into(),
        signature.name.as_str().into(),
        signature.kind.name().into(),
        signature.subject.as_str().into(),
        first_seen_secs.into(),
        json(&Marks::default())?.into(),
    ];
    one(sql, insert, &values)?.int()
}

/// Notes that a bound was met.
pub(super) fn note_bound(
    sql: &mut dyn Write,
    day: i64,
    bound: &str,
    example: &str,
) -> Result<(), StorageError> {
    let upsert = "INSERT INTO bound_day (day, bound, slot, n, example) VALUES ($1, $2, 0, 1, $3) \
        ON CONFLICT (day, bound, slot) DO UPDATE SET n = bound_day.n + 1, example = excluded.example";
    sql.execute(upsert, &[day.into(), bound.into(), example.into()])?;
    Ok(())
}
