//! Sums that the old pages show: records by build, class and host type; machines by build.

use super::Answers;
use crate::storage::StorageError;
use crate::storage::sql::Row;

/// A sum of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// The system; empty where it plays no part.
    pub system_name: String,
    /// The build, class or host type.
    pub value: String,
    /// Records.
    pub records: u64,
    /// The largest number of machines on one day; 0 where it is not known.
    pub machines: u64,
}

impl Answers<'_> {
    /// Records and machines by a dimension of the fleet, within days up to today, most records first.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn sums(&mut self, dimension: &str, days: i64) -> Result<Vec<Sum>, StorageError> {
        let query = "SELECT system_name, value, CAST(sum(records) AS bigint) AS r, CAST(max(machines) AS bigint) FROM \
            (SELECT system_name, value, day, sum(records) AS records, sum(machines) AS machines FROM fleet_day \
             WHERE dimension = $1 AND day > $2 GROUP BY system_name, value, day) AS days \
            GROUP BY system_name, value ORDER BY r DESC, system_name, value LIMIT 10000";
        let sum = |mut row: Row| {
            Ok(Sum {
                system_name: row.text()?,
                value: row.text()?,
                records: row.count()?,
                machines: row.count()?,
            })
        };
        let values = [dimension.into(), (self.today() - days).into()];
        self.sql.select(query, &values)?.into_iter().map(sum).collect()
    }

    /// Stored records by class, most first. It reads the whole index of classes.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn classes(&mut self) -> Result<Vec<Sum>, StorageError> {
        let query = "SELECT classification, count(*) AS n FROM records GROUP BY classification \
            ORDER BY n DESC, classification LIMIT 1000";
        self.sql.select(query, &[])?.into_iter().map(records_of).collect()
    }

    /// Records by host type, most first, of all days of which is known what machines ran.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn host_types(&mut self) -> Result<Vec<Sum>, StorageError> {
        let query = "SELECT host_type, CAST(sum(n) AS bigint) AS r FROM machine_day GROUP BY host_type \
            ORDER BY r DESC, host_type LIMIT 1000";
        self.sql.select(query, &[])?.into_iter().map(records_of).collect()
    }
}

fn records_of(mut row: Row) -> Result<Sum, StorageError> {
    Ok(Sum { system_name: String::new(), value: row.text()?, records: row.count()?, machines: 0 })
}
