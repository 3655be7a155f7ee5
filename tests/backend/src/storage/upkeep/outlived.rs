//! What has outlived its time: machines with the records, counts after 400 days, and groups that never mattered.

use crate::groups::counting::day_of;
use crate::groups::limits::{FORGET_DAYS, MATTERING_MACHINES};
use crate::retention::Retention;
use crate::storage::StorageError;
use crate::storage::sql::Write;

/// Tables that know machines.
const OF_MACHINES: [&str; 3] = ["group_machine", "group_version_machine", "machine_day"];

/// Tables of counts.
const OF_DAYS: [&str; 6] =
    ["group_day", "group_version_day", "variant_day", "fleet_day", "ungrouped_day", "bound_day"];

/// Removes it.
pub(super) fn remove(sql: &mut dyn Write, retention: &Retention, now_secs: i64) -> Result<(), StorageError> {
    let machines_from = retention.first_day(now_secs).max(day_of(now_secs) - FORGET_DAYS);
    let update = "UPDATE grouping SET machines_from = $1 WHERE machines_from < $1";
    sql.execute(update, &[machines_from.into()])?;
    for table in OF_MACHINES {
        let delete = format!("DELETE FROM {table} WHERE day < (SELECT machines_from FROM grouping)");
        sql.execute(&delete, &[])?;
    }
    let first_day = day_of(now_secs) - FORGET_DAYS;
    for table in OF_DAYS {
        sql.execute(&format!("DELETE FROM {table} WHERE day < $1"), &[first_day.into()])?;
    }
    forget_groups(sql, first_day)
}

/// Groups that were silent for as long as counts are kept, never on 3 machines, and nobody's concern; and variants and
/// versions that nothing leads to any more.
fn forget_groups(sql: &mut dyn Write, first_day: i64) -> Result<(), StorageError> {
    let silent = format!(
        "SELECT g.id FROM groups g WHERE g.last_seen / 86400 < {first_day} AND g.most_machines < {MATTERING_MACHINES} \
         AND NOT EXISTS (SELECT 1 FROM group_day d WHERE d.group_id = g.id) \
         AND NOT EXISTS (SELECT 1 FROM records r WHERE r.group_id = g.id) \
         AND NOT EXISTS (SELECT 1 FROM decisions d WHERE d.hash = g.key) \
         AND NOT EXISTS (SELECT 1 FROM variants v JOIN decisions d ON d.hash = v.signature WHERE v.group_id = g.id) \
         AND NOT EXISTS (SELECT 1 FROM moves m WHERE m.from_group = g.id) \
         AND NOT EXISTS (SELECT 1 FROM groups o WHERE o.redirect = g.id) AND g.redirect IS NULL"
    );
    // Whoever knows them must not count for them any more.
    let forgotten = sql.select(&silent, &[])?;
    let mut ids = Vec::new();
    for mut row in forgotten {
        ids.push(row.int()?);
    }
    if !ids.is_empty() {
        let list = crate::storage::sql::list(ids);
        for delete in [
            format!(
                "DELETE FROM variant_module WHERE variant IN (SELECT id FROM variants WHERE group_id IN ({list}))"
            ),
            format!("DELETE FROM variants WHERE group_id IN ({list})"),
            format!("DELETE FROM group_line WHERE group_id IN ({list})"),
            format!("DELETE FROM groups WHERE id IN ({list})"),
        ] {
            sql.execute(&delete, &[])?;
        }
    }
    // Of a group that stays, variants without a record for as long go too, but for the first.
    let old = "SELECT v.id FROM variants v WHERE v.first_day < $1 \
        AND NOT EXISTS (SELECT 1 FROM variant_day d WHERE d.variant = v.id) \
        AND NOT EXISTS (SELECT 1 FROM records r WHERE r.variant = v.id AND r.group_id = v.group_id) \
        AND v.id <> (SELECT min(o.id) FROM variants o WHERE o.signature = v.signature)";
    for delete in [
        format!("DELETE FROM variant_module WHERE variant IN ({old})"),
        format!("DELETE FROM variants WHERE id IN ({old})"),
        "DELETE FROM signatures WHERE first_day < $1 \
            AND NOT EXISTS (SELECT 1 FROM variants v WHERE v.signature = signatures.hash)"
            .to_owned(),
        "DELETE FROM versions WHERE first_day < $1 \
            AND id NOT IN (SELECT version FROM group_version_day) AND id NOT IN (SELECT lowest FROM group_line) \
            AND id NOT IN (SELECT highest FROM group_line)"
            .to_owned(),
    ] {
        sql.execute(&delete, &[first_day.into()])?;
    }
    sql.execute("UPDATE grouping SET generation = generation + 1", &[])?;
    Ok(())
}
