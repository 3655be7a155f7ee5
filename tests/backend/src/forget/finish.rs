//! What nobody else has goes: variants, signatures, groups with their decisions and notes, versions, guilties.

use crate::storage::{StorageError, Write, first};

/// Of what was touched, that of which no record and no count is left.
pub(super) fn finish(sql: &mut dyn Write) -> Result<(), StorageError> {
    let mut changed = narrow_spans(sql)?;
    for statement in VARIANTS.iter().chain(&GROUPS).chain(&VERSIONS).chain(&GUILTIES) {
        changed += sql.execute(statement, &[])?;
    }
    sql.execute("DELETE FROM forget_touched", &[])?;
    if changed > 0 {
        // Nobody places a record by what is gone.
        sql.execute("UPDATE grouping SET generation = generation + 1", &[])?;
    }
    Ok(())
}

/// First those that are not alone are taken off the list; then what is on it goes.
const VARIANTS: [&str; 8] = [
    "DELETE FROM forget_touched WHERE kind = 'variant' AND (EXISTS (SELECT 1 FROM records r WHERE r.variant = forget_touched.id) \
        OR (SELECT coalesce(sum(d.records), 0) FROM variant_day d WHERE d.variant = forget_touched.id) > 0)",
    "INSERT INTO forget_touched (kind, id) SELECT DISTINCT 'group', v.group_id FROM variants v \
        WHERE v.id IN (SELECT id FROM forget_touched WHERE kind = 'variant') ON CONFLICT (kind, id) DO NOTHING",
    "DELETE FROM decisions WHERE hash IN (SELECT v.hash FROM variants v \
        WHERE v.id IN (SELECT id FROM forget_touched WHERE kind = 'variant'))",
    "DELETE FROM variant_day WHERE variant IN (SELECT id FROM forget_touched WHERE kind = 'variant')",
    "DELETE FROM variant_module WHERE variant IN (SELECT id FROM forget_touched WHERE kind = 'variant')",
    "DELETE FROM symbol_wanted WHERE variant IN (SELECT id FROM forget_touched WHERE kind = 'variant')",
    "DELETE FROM symbol_variants WHERE variant IN (SELECT id FROM forget_touched WHERE kind = 'variant')",
    "DELETE FROM variants WHERE id IN (SELECT id FROM forget_touched WHERE kind = 'variant')",
];

const GROUPS: [&str; 9] = [
    "DELETE FROM forget_touched WHERE kind = 'group' AND (EXISTS (SELECT 1 FROM records r WHERE r.group_id = forget_touched.id) \
        OR EXISTS (SELECT 1 FROM variants v WHERE v.group_id = forget_touched.id) \
        OR (SELECT coalesce(sum(d.records), 0) FROM group_day d WHERE d.group_id = forget_touched.id) > 0)",
    "INSERT INTO forget_touched (kind, id) SELECT 'group', g.id FROM groups g \
        WHERE g.redirect IN (SELECT id FROM forget_touched WHERE kind = 'group') ON CONFLICT (kind, id) DO NOTHING",
    "DELETE FROM decisions WHERE hash IN (SELECT g.key FROM groups g \
        WHERE g.id IN (SELECT id FROM forget_touched WHERE kind = 'group'))",
    "DELETE FROM group_day WHERE group_id IN (SELECT id FROM forget_touched WHERE kind = 'group')",
    "DELETE FROM group_version_day WHERE group_id IN (SELECT id FROM forget_touched WHERE kind = 'group')",
    "DELETE FROM group_line WHERE group_id IN (SELECT id FROM forget_touched WHERE kind = 'group')",
    "DELETE FROM moves WHERE from_group IN (SELECT id FROM forget_touched WHERE kind = 'group')",
    "DELETE FROM groups WHERE id IN (SELECT id FROM forget_touched WHERE kind = 'group')",
    "DELETE FROM signatures WHERE NOT EXISTS (SELECT 1 FROM variants v WHERE v.signature = signatures.hash) \
        AND NOT EXISTS (SELECT 1 FROM groups g WHERE g.key = signatures.hash) \
        AND NOT EXISTS (SELECT 1 FROM symbol_variants s WHERE s.signature_before = signatures.hash)",
];

/// Behind the spans of groups, which name them.
const VERSIONS: [&str; 1] =
    ["DELETE FROM versions WHERE id IN (SELECT id FROM forget_touched WHERE kind = 'version') \
        AND NOT EXISTS (SELECT 1 FROM records r WHERE r.version = versions.id) \
        AND NOT EXISTS (SELECT 1 FROM group_version_day d WHERE d.version = versions.id) \
        AND NOT EXISTS (SELECT 1 FROM group_line l WHERE l.lowest = versions.id OR l.highest = versions.id)"];

const GUILTIES: [&str; 1] =
    ["DELETE FROM guilty WHERE id IN (SELECT id FROM forget_touched WHERE kind = 'guilty') \
        AND NOT EXISTS (SELECT 1 FROM records r WHERE r.guilty = guilty.id)"];

/// Where the lowest or the highest version of a group was this machine's alone, that of the others takes its place.
fn narrow_spans(sql: &mut dyn Write) -> Result<u64, StorageError> {
    let query = "SELECT group_id, line FROM group_line l \
        WHERE group_id IN (SELECT id FROM forget_touched WHERE kind = 'group') \
        AND EXISTS (SELECT 1 FROM forget_touched t WHERE t.kind = 'version' AND (t.id = l.lowest OR t.id = l.highest) \
            AND NOT EXISTS (SELECT 1 FROM group_version_day d WHERE d.group_id = l.group_id AND d.version = t.id))";
    let mut changed = 0;
    for mut row in sql.select(query, &[])? {
        let (group, line) = (row.int()?, row.text()?);
        let at = [group.into(), line.as_str().into()];
        let end = |order: &str| {
            format!(
                "SELECT v.id FROM versions v WHERE v.line = $2 \
                 AND v.id IN (SELECT d.version FROM group_version_day d WHERE d.group_id = $1) \
                 ORDER BY v.sort_key {order} LIMIT 1"
            )
        };
        let lowest = first(sql, &end("ASC"), &at)?.map(|mut row| row.int()).transpose()?;
        let highest = first(sql, &end("DESC"), &at)?.map(|mut row| row.int()).transpose()?;
        changed += match lowest.zip(highest) {
            Some((lowest, highest)) => {
                let update =
                    "UPDATE group_line SET lowest = $3, highest = $4 WHERE group_id = $1 AND line = $2";
                sql.execute(update, &[group.into(), line.into(), lowest.into(), highest.into()])?
            }
            None => sql.execute("DELETE FROM group_line WHERE group_id = $1 AND line = $2", &at)?,
        };
    }
    Ok(changed)
}
