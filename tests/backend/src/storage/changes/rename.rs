//! Variants whose frames have got names from debug files: other tokens, and so another signature and maybe another group.
//! Their records follow as they do after any change.

use std::collections::{BTreeMap, BTreeSet};

use super::{apply, decide::replan};
use crate::groups::changes::{GroupId, Successors, follow, largest};
use crate::groups::hash::Hash;
use crate::groups::reading::Variant;
use crate::groups::rules::Rules;
use crate::groups::signature::decide;
use crate::storage::StorageError;
use crate::storage::grouping::{json, note_named, put_signature, rename_signature};
use crate::storage::sql::{Write, first};

/// A variant that has names now.
pub(in crate::storage) struct Renamed {
    /// Its id.
    pub(in crate::storage) id: i64,
    /// It, with its names.
    pub(in crate::storage) variant: Variant,
}

/// Records that variants of an old signature bring to new ones.
type Shares = BTreeMap<Hash, BTreeMap<Hash, u64>>;

/// Stores the names, and what follows from them.
pub(in crate::storage) fn rename(
    sql: &mut dyn Write,
    rules: &Rules,
    renamed: &[Renamed],
    now_secs: i64,
) -> Result<(), StorageError> {
    apply::count_generation_up(sql)?;
    let mut groups: BTreeSet<GroupId> = BTreeSet::new();
    let mut shares = Shares::new();
    for one in renamed {
        let query = "SELECT v.signature, coalesce(s.name, ''), v.group_id, v.first_seen, \
            (SELECT CAST(sum(d.records) AS bigint) FROM variant_day d WHERE d.variant = v.id) \
            FROM variants v LEFT JOIN signatures s ON s.hash = v.signature WHERE v.id = $1";
        // It may have been forgotten meanwhile.
        let Some(mut row) = first(sql, query, &[one.id.into()])? else { continue };
        let (before, name): (Hash, String) = (row.parsed(|text| text.parse().ok())?, row.text()?);
        let (group, first_seen_secs, records) = (row.int()?, row.int()?, row.count()?);
        let signature = decide(rules, &one.variant).signature;
        let update = "UPDATE variants SET tokens = $1, signature = $2 WHERE id = $3";
        let values = [json(&one.variant)?.into(), signature.hash.as_str().into(), one.id.into()];
        sql.execute(update, &values)?;
        if signature.hash == before && signature.name.len() < name.len() {
            rename_signature(sql, &signature, first_seen_secs)?;
            groups.insert(group);
        }
        if signature.hash != before {
            put_signature(sql, &signature, first_seen_secs)?;
            note_named(sql, one.id, &before)?;
            groups.insert(group);
            let share = shares.entry(before).or_default().entry(signature.hash).or_default();
            *share = share.saturating_add(records);
        }
    }
    let history = apply::history(sql)?;
    for decision in follow(history.decisions(), &successors(sql, &shares)?) {
        let update = "UPDATE decisions SET hash = $1, what = $2 WHERE id = $3";
        let values = [decision.hash.as_str().into(), json(&decision.what)?.into(), decision.id.into()];
        sql.execute(update, &values)?;
    }
    let groups: Vec<GroupId> = groups.into_iter().collect();
    if groups.is_empty() { Ok(()) } else { replan(sql, &groups, now_secs) }
}

/// Of each signature that no variant has any more, the one that took most of its records.
fn successors(sql: &mut dyn Write, shares: &Shares) -> Result<Successors, StorageError> {
    let mut successors = Successors::new();
    for (before, shares) in shares {
        let query = "SELECT 1 FROM variants WHERE signature = $1 LIMIT 1";
        if first(sql, query, &[before.as_str().into()])?.is_none()
            && let Some(next) = largest(shares)
        {
            successors.insert(before.clone(), next.clone());
        }
    }
    Ok(successors)
}
