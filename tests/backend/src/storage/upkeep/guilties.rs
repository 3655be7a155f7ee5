//! Guilties are found again after the blacklist has changed, newest record first.

use super::Upkeep;
use crate::filter::Filter;
use crate::limits::GUILTY_STEP_RECORDS;
use crate::storage::StorageError;
use crate::storage::grouping::set_guilty;
use crate::storage::sql::first;

/// Finds the next; says whether there were any.
pub(super) fn step(upkeep: &mut Upkeep) -> Result<bool, StorageError> {
    let query = "SELECT start_id, to_id FROM guilty_work ORDER BY start_id DESC LIMIT 1";
    let Some(mut row) = first(&mut *upkeep.session, query, &[])? else { return Ok(false) };
    let (start, to) = (row.int()?, row.int()?);
    let before_id = Some(to.saturating_add(1));
    let filter = Filter { before_id, may_have_guilty: true, ..Filter::all(GUILTY_STEP_RECORDS) };
    let records = upkeep.session.query(&filter, 0)?;
    let directory = &mut upkeep.directory;
    let done = upkeep.session.write(&mut |sql| {
        let at = [start.into(), to.into()];
        let is_mine = match records.last() {
            None => sql.execute("DELETE FROM guilty_work WHERE start_id = $1 AND to_id = $2", &at)?,
            Some(last) => {
                let update = "UPDATE guilty_work SET to_id = $3 WHERE start_id = $1 AND to_id = $2";
                sql.execute(update, &[&at[..], &[last.id.saturating_sub(1).into()]].concat())?
            }
        };
        if is_mine == 0 {
            // The blacklist was changed since: it begins anew.
            return Ok(());
        }
        directory.read_generation(sql)?;
        for stored in &records {
            set_guilty(sql, directory, stored.id, &stored.record)?;
        }
        Ok(())
    });
    if done.is_err() {
        upkeep.directory = Default::default();
    }
    done.map(|()| true)
}
