//! Records that were stored before there were groups, or that an import brought: they are read, newest first.

use super::Upkeep;
use crate::filter::Filter;
use crate::groups::rules::Rules;
use crate::record::StoredRecord;
use crate::storage::StorageError;
use crate::storage::grouping::{Directory, Facts, Tally, set_place};
use crate::storage::samples::store_arrived;
use crate::storage::sql::{Write, one};

/// Records that are read at a time.
const STEP: u32 = 500;

/// The slot that they are counted in: no collector's own.
const SLOT: i64 = 63;

/// Reads the next; says whether there were any.
pub(super) fn step(upkeep: &mut Upkeep, rules: &Rules) -> Result<bool, StorageError> {
    let mut row = one(&mut *upkeep.session, "SELECT read_after, read_to FROM grouping", &[])?;
    let (after, to) = (row.int()?, row.int()?);
    if to <= after {
        return Ok(false);
    }
    let filter = Filter {
        from_id: Some(after.saturating_add(1)),
        before_id: Some(to.saturating_add(1)),
        ..Filter::all(STEP)
    };
    let records = upkeep.session.query(&filter, 0)?;
    let facts: Vec<Facts> = records
        .iter()
        .map(|stored| Facts::new(&stored.record, stored.received_secs, &|_| Vec::new()))
        .collect();
    // Below the last one all are unread; without any, none is.
    let left = records.last().map_or(after, |last| last.id.saturating_sub(1));
    let directory = &mut upkeep.directory;
    let done = upkeep.session.write(&mut |sql| {
        directory.read_generation(sql)?;
        let mut tally = Tally::default();
        for (stored, facts) in records.iter().zip(&facts) {
            count(sql, directory, rules, &mut tally, (stored, facts))?;
        }
        tally.apply(sql, SLOT)?;
        store_arrived(sql, facts.iter().filter_map(|facts| facts.state.as_deref()))?;
        sql.execute("UPDATE grouping SET read_to = $1", &[left.into()])?;
        Ok(())
    });
    if done.is_err() {
        upkeep.directory = Directory::default();
    }
    done.map(|()| true)
}

fn count(
    sql: &mut dyn Write,
    directory: &mut Directory,
    rules: &Rules,
    tally: &mut Tally,
    (stored, facts): (&StoredRecord, &Facts),
) -> Result<(), StorageError> {
    let StoredRecord { id, received_secs, record } = stored;
    let place = directory.place(sql, rules, record, facts, *received_secs)?;
    // It may have been purged since it was read.
    if set_place(sql, *id, &place)? {
        tally.add(record, facts, &place, *received_secs);
    }
    Ok(())
}
