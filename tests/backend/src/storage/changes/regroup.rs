//! Other rules: what they would do, and doing it.

use std::collections::{BTreeMap, BTreeSet};

use super::apply::{self, Planned};
use crate::groups::changes::{Known, Member, Preview, StoredVariant, preview};
use crate::groups::hash::Hash;
use crate::groups::rules::Rules;
use crate::storage::StorageError;
use crate::storage::answers::{DECISION, read_decision};
use crate::storage::grouping::{json, rename_signature};
use crate::storage::sql::{Row, Select, Write, one};

/// Rules and all that is stored, of one moment.
pub(in crate::storage) struct Regrouping {
    generation: i64,
    last_variant: i64,
    variants: Vec<StoredVariant>,
    preview: Preview,
}

/// All variants.
pub(in crate::storage) fn stored_variants(
    sql: &mut (impl Select + ?Sized),
) -> Result<Vec<StoredVariant>, StorageError> {
    let query = "SELECT v.hash, v.tokens, v.signature, coalesce(s.name, ''), v.group_id, v.first_seen, \
            (SELECT CAST(sum(d.records) AS bigint) FROM variant_day d WHERE d.variant = v.id) \
        FROM variants v LEFT JOIN signatures s ON s.hash = v.signature ORDER BY v.id";
    let variant = |mut row: Row| {
        Ok(StoredVariant {
            hash: row.parsed(|text| text.parse().ok())?,
            variant: row.json()?,
            signature: row.parsed(|text| text.parse().ok())?,
            name: row.text()?,
            group: row.int()?,
            first_seen_secs: row.int()?,
            records: row.count()?,
        })
    };
    sql.select(query, &[])?.into_iter().map(variant).collect()
}

impl Regrouping {
    /// What these rules would do to what is stored. Nothing is changed.
    pub(in crate::storage) fn new(
        sql: &mut (impl Select + ?Sized),
        rules: &Rules,
    ) -> Result<Self, StorageError> {
        let (generation, last_variant) = moment(sql)?;
        let variants = stored_variants(sql)?;
        let known = |mut row: Row| {
            let (id, key) = (row.int()?, row.parsed(|text| text.parse().ok())?);
            Ok(Known { id, key, first_seen_secs: row.int()? })
        };
        let groups = sql.select("SELECT id, key, first_seen FROM groups ORDER BY id", &[])?;
        let groups: Result<Vec<Known>, StorageError> = groups.into_iter().map(known).collect();
        let decisions = sql.select(&format!("SELECT {DECISION} FROM decisions ORDER BY id"), &[])?;
        let decisions: Result<Vec<_>, _> =
            decisions.into_iter().map(|mut row| read_decision(&mut row)).collect();
        let preview = preview(rules, &variants, &groups?, &decisions?);
        Ok(Self { generation, last_variant, variants, preview })
    }

    /// What would be joined, split, moved.
    pub(in crate::storage) fn into_preview(self) -> Preview {
        self.preview
    }
}

/// What changes when anything does that a preview depends on.
fn moment(sql: &mut (impl Select + ?Sized)) -> Result<(i64, i64), StorageError> {
    let query = "SELECT generation, (SELECT coalesce(max(id), 0) FROM variants) FROM grouping";
    let mut row = one(sql, query, &[])?;
    Ok((row.int()?, row.int()?))
}

/// Takes the rules, if nothing has changed since what they do was found out. Says whether it did.
pub(in crate::storage) fn regroup(
    sql: &mut dyn Write,
    rules: &Rules,
    found: &Regrouping,
    now_secs: i64,
) -> Result<bool, StorageError> {
    apply::count_generation_up(sql)?;
    if moment(sql)? != (found.generation + 1, found.last_variant) {
        return Ok(false);
    }
    let Preview { of_variants, decisions, plan, .. } = &found.preview;
    let mut first_seen: BTreeMap<&Hash, i64> = BTreeMap::new();
    let signature =
        |stored: &StoredVariant| of_variants.get(&stored.hash).unwrap_or(&stored.signature).clone();
    for stored in &found.variants {
        if let Some(hash) = of_variants.get(&stored.hash) {
            let first = first_seen.entry(hash).or_insert(stored.first_seen_secs);
            *first = stored.first_seen_secs.min(*first);
        }
    }
    let mut is_changed: BTreeSet<&Hash> = BTreeSet::new();
    for stored in &found.variants {
        let Some(signature) = found.preview.other_signature(stored) else { continue };
        is_changed.insert(&stored.hash);
        let first_secs = first_seen.get(&signature.hash).copied().unwrap_or(stored.first_seen_secs);
        rename_signature(sql, signature, first_secs)?;
        let update = "UPDATE variants SET signature = $1 WHERE hash = $2 AND signature <> $1";
        sql.execute(update, &[signature.hash.as_str().into(), stored.hash.as_str().into()])?;
    }
    sql.execute("UPDATE variants SET rules = $1 WHERE rules <> $1", &[rules.version().into()])?;
    for decision in decisions {
        let update = "UPDATE decisions SET hash = $1, what = $2 WHERE id = $3";
        let values = [decision.hash.as_str().into(), json(&decision.what)?.into(), decision.id.into()];
        sql.execute(update, &values)?;
    }
    let history = apply::history(sql)?;
    let grouping = history.grouping();
    let member = |stored: &StoredVariant| {
        let signature = signature(stored);
        let key = grouping.key_of(&stored.hash, &signature);
        let StoredVariant { hash, group, records, first_seen_secs, .. } = stored.clone();
        Member { variant: hash, signature, group, key, records, first_seen_secs }
    };
    let members: Vec<Member> = found.variants.iter().map(member).collect();
    let moved: BTreeSet<&Hash> = plan.moves.iter().map(|(_, key)| key).collect();
    let of_changed =
        members.iter().filter(|member| is_changed.contains(&member.variant)).map(|member| &member.key);
    let touched = of_changed.chain(moved).collect();
    apply::apply(sql, &Planned { plan, members: &members, history: &history, touched, now_secs })?;
    sql.execute("UPDATE grouping SET rules = $1", &[rules.version().into()])?;
    Ok(true)
}

/// Takes the rules, whatever is going on: while this transaction lasts, nothing new comes.
pub(in crate::storage) fn regroup_now(
    sql: &mut dyn Write,
    rules: &Rules,
    now_secs: i64,
) -> Result<(), StorageError> {
    apply::count_generation_up(sql)?;
    let found = Regrouping::new(sql, rules)?;
    regroup(sql, rules, &found, now_secs).map(|_| ())
}
