//! Queries with patterns for payloads: the same for every engine, since the patterns are compared here.

use std::time::Instant;

use super::{Session, StorageError};
use crate::filter::Filter;
use crate::limits::{MAX_ANSWER_BYTES, PATTERN_TIME};
use crate::record::StoredRecord;

/// Records whose payloads are compared between two readings of the clock.
const STEP_RECORDS: u32 = 200;

/// What a query has found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The records, newest id first.
    pub records: Vec<StoredRecord>,
    /// If there was no time to examine all: the last id that was. Older ones may match too.
    pub examined_to: Option<i64>,
}

/// The records that a filter asks for, within [`PATTERN_TIME`] if it has patterns for payloads.
pub(super) fn search(
    session: &mut dyn Session,
    filter: &Filter,
    now_secs: i64,
) -> Result<Found, StorageError> {
    if filter.payload.is_none() && filter.not_payload.is_none() {
        return Ok(Found { records: session.query(filter, now_secs)?, examined_to: None });
    }
    let deadline = Instant::now() + PATTERN_TIME;
    search_until(session, filter, now_secs, &mut || Instant::now() >= deadline)
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
        let Some(oldest) = records.last().map(|record| record.id) else { break };
        step.before_id = Some(oldest);
        for record in records {
            if found.records.len() < limit && filter.takes_payload(&record.record.payload) {
                found_bytes += record.record.payload.len();
                found.records.push(record);
            }
        }
        if is_late() || found_bytes > MAX_ANSWER_BYTES {
            found.examined_to = (found.records.len() < limit).then_some(oldest);
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
}
