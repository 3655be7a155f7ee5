//! Queries for records, the same for every engine: conditions on failures become groups, patterns for payloads are compared
//! here, and what is found is counted as far as there is time.

use std::time::Instant;

use super::{Answers, Session, StorageError};
use crate::filter::Filter;
use crate::limits::{COUNT_TIME, MAX_ANSWER_BYTES, MAX_COUNTED_RECORDS, MAX_DAYS, PATTERN_TIME};
use crate::record::StoredRecord;

/// Records whose payloads are compared between two readings of the clock.
const STEP_RECORDS: u32 = 200;

/// Records that are counted between two readings of the clock.
const STEP_COUNTED: u32 = 500;

/// What a query has found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The records, newest id first.
    pub records: Vec<StoredRecord>,
    /// If there was no time to examine all: the last id that was. Older ones may match too.
    pub examined_to: Option<i64>,
    /// When that record was received, in Unix seconds.
    pub examined_to_secs: Option<i64>,
    /// Records whose payloads were compared; 0 where there was no pattern.
    pub examined: u64,
}

/// How many records a filter finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// As many as were counted.
    pub records: u64,
    /// Whether these are all.
    pub is_all: bool,
}

/// The records that a filter asks for, within [`PATTERN_TIME`] if it has patterns for payloads.
pub(super) fn search(
    session: &mut dyn Session,
    filter: &Filter,
    now_secs: i64,
) -> Result<Found, StorageError> {
    let filter = &meant(session, filter, now_secs)?;
    if filter.payload.is_none() && filter.not_payload.is_none() {
        return Ok(Found { records: session.query(filter, now_secs)?, ..Found::default() });
    }
    let deadline = Instant::now() + PATTERN_TIME;
    search_until(session, filter, now_secs, &mut || Instant::now() >= deadline)
}

/// How many records a filter finds, its patterns for payloads apart and wherever in the list it is: up to
/// [`MAX_COUNTED_RECORDS`], and for as long as [`COUNT_TIME`].
pub(super) fn count(
    session: &mut dyn Session,
    filter: &Filter,
    now_secs: i64,
) -> Result<Counted, StorageError> {
    let deadline = Instant::now() + COUNT_TIME;
    let filter = Filter { before_id: None, limit: STEP_COUNTED, ..meant(session, filter, now_secs)? };
    count_until(session, filter, now_secs, &mut || Instant::now() >= deadline)
}

fn count_until(
    session: &mut dyn Session,
    mut step: Filter,
    now_secs: i64,
    is_late: &mut dyn FnMut() -> bool,
) -> Result<Counted, StorageError> {
    let mut records = 0;
    loop {
        let (count, last) = session.count(&step, now_secs)?;
        records += count;
        let is_all = count < u64::from(step.limit) || last.is_none();
        if is_all || records >= MAX_COUNTED_RECORDS || is_late() {
            return Ok(Counted { records, is_all });
        }
        step.before_id = last;
    }
}

/// The filter with what its conditions on failures mean now.
fn meant(session: &mut dyn Session, filter: &Filter, now_secs: i64) -> Result<Filter, StorageError> {
    let mut filter = filter.clone();
    if filter.page.failure.is_about_groups() {
        let days = filter.page.received_days.map_or(MAX_DAYS.into(), i64::from);
        let groups = Answers::new(session, now_secs).groups_meant(&filter.page.failure, days)?;
        filter.groups = Some(groups);
    }
    Ok(filter)
}

fn search_until(
    session: &mut dyn Session,
    filter: &Filter,
    now_secs: i64,
    is_late: &mut dyn FnMut() -> bool,
) -> Result<Found, StorageError> {
    let mut step = Filter { limit: STEP_RECORDS, ..filter.clone() };
    let limit = usize::try_from(filter.limit).unwrap_or(usize::MAX);
    let mut found = Found::default();
    let mut found_bytes = 0;
    while found.records.len() < limit {
        let records = session.query(&step, now_secs)?;
        let Some((oldest, oldest_secs)) = records.last().map(|last| (last.id, last.received_secs)) else {
            break;
        };
        step.before_id = Some(oldest);
        found.examined += u64::try_from(records.len()).unwrap_or(0);
        for record in records {
            if found.records.len() < limit && filter.takes_payload(&record.record.payload) {
                found_bytes += record.record.payload.len();
                found.records.push(record);
            }
        }
        if is_late() || found_bytes > MAX_ANSWER_BYTES {
            let is_unfinished = found.records.len() < limit;
            found.examined_to = is_unfinished.then_some(oldest);
            found.examined_to_secs = is_unfinished.then_some(oldest_secs);
            break;
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Scope;
    use crate::storage::tests::{NOW_SECS, arrival, filled};

    fn filter(limit: &str) -> Filter {
        let pairs = [("payload", "needle"), ("limit", limit)];
        Filter::parse(&pairs.map(|(name, value)| (name.to_owned(), value.to_owned())), Scope::Page).unwrap()
    }

    #[test]
    fn patterns_are_compared_until_there_are_enough_or_no_time_is_left() {
        let mut batch = Vec::new();
        for number in 0..2 * STEP_RECORDS {
            let mut arrival = arrival("a/b/c", 1, None);
            arrival.record.payload = if number % 100 == 0 { "a needle" } else { "hay" }.into();
            batch.push(arrival);
        }
        let mut session = filled(&batch);
        let mut run = |limit, is_late| {
            let found = search_until(&mut *session, &filter(limit), NOW_SECS, &mut || is_late).unwrap();
            (found.records.iter().map(|record| record.id).collect::<Vec<_>>(), found.examined_to)
        };
        assert_eq!(run("9", false), (vec![301, 201, 101, 1], None));
        assert_eq!(run("3", false), (vec![301, 201, 101], None));
        assert_eq!(run("9", true), (vec![301, 201], Some(201)));
        assert_eq!(run("2", true), (vec![301, 201], None));
    }

    #[test]
    fn what_is_found_is_counted_as_far_as_there_is_time() {
        let step = STEP_COUNTED;
        let batch: Vec<_> = (0..2 * step + 3).map(|_| arrival("a/b/c", 1, None)).collect();
        let mut session = filled(&batch);
        let filter = Filter::all(step);
        let mut run =
            |is_late| count_until(&mut *session, filter.clone(), NOW_SECS, &mut || is_late).unwrap();
        assert_eq!(run(false), Counted { records: u64::from(2 * step + 3), is_all: true });
        assert_eq!(run(true), Counted { records: u64::from(step), is_all: false });
        let second = Filter { before_id: Some(5), ..Filter::all(2) };
        let counted = count(&mut *session, &second, NOW_SECS).unwrap();
        assert_eq!(counted.records, u64::from(2 * step + 3), "wherever in the list one is");
    }
}
