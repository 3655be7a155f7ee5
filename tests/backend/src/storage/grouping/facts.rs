//! What counts need of a record. Pure, so that it is found before the writer has its turn.

use crate::groups::counting::day_of;
use crate::groups::hash::{Hash, machine_key};
use crate::groups::kind::Ungrouped;
use crate::groups::reading::{self, Lookup, Reading};
use crate::groups::versions::{Version, version_of};
use crate::record::Record;
use crate::storage::samples::Arrived;
use crate::storage::sql::{Write, first};
use crate::storage::{Arrival, StorageError};

/// What counts need of a record.
#[derive(Clone, Debug)]
pub(in crate::storage) struct Facts {
    /// The UTC day of its reception.
    pub(in crate::storage) day: i64,
    /// By which counters know the machine.
    pub(in crate::storage) machine: i64,
    /// Whether it is a heartbeat, which a machine sends once a day.
    pub(in crate::storage) is_heartbeat: bool,
    /// The failure that it reports.
    pub(in crate::storage) failure: Option<Box<Failure>>,
    /// Why a crash is in no group.
    pub(in crate::storage) ungrouped: Option<&'static str>,
    /// What it says about how its machine is.
    pub(in crate::storage) state: Option<Box<Arrived>>,
}

/// A failure.
#[derive(Clone, Debug)]
pub(in crate::storage) struct Failure {
    pub(in crate::storage) reading: Reading,
    /// The hash of its variant.
    pub(in crate::storage) hash: Hash,
    /// The version that it counts for.
    pub(in crate::storage) version: Option<Version>,
}

impl Facts {
    /// Of a record that arrives: what its payload does not name has no name yet.
    pub(in crate::storage) fn of_arrival(arrival: &Arrival) -> Self {
        Self::new(&arrival.record, arrival.received_secs, &|_| Vec::new())
    }

    /// Of a record; names that its payload has not come from `lookup`.
    pub(in crate::storage) fn new(record: &Record, received_secs: i64, lookup: Lookup<'_>) -> Self {
        let asked = asked(record);
        let (failure, ungrouped) = match reading::read_with(&asked, lookup) {
            Ok(reading) => {
                let (hash, version) = (reading.variant.hash(), version_of(&asked, &reading));
                (Some(Box::new(Failure { reading, hash, version })), None)
            }
            Err(ungrouped) => (None, reason(&ungrouped)),
        };
        Self {
            day: day_of(received_secs),
            machine: machine_key(&record.machine_id),
            is_heartbeat: record.classification.ends_with("/heartbeat/ping"),
            failure,
            ungrouped,
            state: Arrived::of_record(record, received_secs).map(Box::new),
        }
    }

    /// Whether it counts as a crash in rates.
    pub(in crate::storage) fn is_crash(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.reading.variant.kind.is_crash())
    }
}

/// What grouping needs of a record.
pub(in crate::storage) fn asked(record: &Record) -> reading::Record<'_> {
    reading::Record {
        classification: &record.classification,
        payload: &record.payload,
        system_name: record.system_name.as_deref().unwrap_or_default(),
        build: &record.build,
        kernel_version: &record.kernel_version,
    }
}

/// Why a record that is stored without a group is in none, as it was counted when it came.
///
/// # Errors
/// If the database fails.
pub(crate) fn ungrouped_reason(
    sql: &mut dyn Write,
    record: i64,
) -> Result<Option<&'static str>, StorageError> {
    let query = "SELECT classification, payload, coalesce(system_name, ''), build, kernel_version \
        FROM records WHERE id = $1 AND group_id IS NULL \
        AND NOT EXISTS (SELECT 1 FROM grouping WHERE $1 > read_after AND $1 <= read_to)";
    let Some(mut row) = first(sql, query, &[record.into()])? else { return Ok(None) };
    let [classification, payload, system_name, build, kernel_version] =
        [row.text()?, row.text()?, row.text()?, row.text()?, row.text()?];
    let asked = reading::Record {
        classification: &classification,
        payload: &payload,
        system_name: &system_name,
        build: &build,
        kernel_version: &kernel_version,
    };
    Ok(match reading::read_with(&asked, &|_| Vec::new()) {
        Err(ungrouped) => reason(&ungrouped),
        Ok(_) => None,
    })
}

fn reason(ungrouped: &Ungrouped) -> Option<&'static str> {
    match ungrouped {
        Ungrouped::ThirdParty => Some("third_party"),
        Ungrouped::PackageBuild => Some("package_build"),
        Ungrouped::NoFailure => None,
    }
}
