//! Crashes as the Flask backend grouped them, for those who compare.

use super::Answers;
use crate::storage::StorageError;
use crate::storage::sql::{Row, first};

/// A function of a module in which programs crashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guilty {
    /// Its id.
    pub id: i64,
    /// The function.
    pub function: String,
    /// The module.
    pub module: String,
    /// What people say of it.
    pub comment: String,
    /// Whether lists leave it out.
    pub hidden: bool,
}

/// A guilty on a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuiltyOfBuild {
    /// The guilty.
    pub guilty: Guilty,
    /// The build.
    pub build: String,
    /// Records within the days.
    pub records: u64,
}

/// A guilty on a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuiltyOfMachine {
    /// The build that the machine had.
    pub build: String,
    /// Its id.
    pub machine_id: String,
    /// Records within the days.
    pub records: u64,
}

/// A pair that is passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blacklisted {
    /// Its id.
    pub id: i64,
    /// The function.
    pub function: String,
    /// The module.
    pub module: String,
}

const COLUMNS: &str = "g.id, g.function, g.module, g.comment, g.hidden";

fn read(row: &mut Row) -> Result<Guilty, StorageError> {
    Ok(Guilty {
        id: row.int()?,
        function: row.text()?,
        module: row.text()?,
        comment: row.text()?,
        hidden: row.int()? != 0,
    })
}

impl Answers<'_> {
    /// Functions in which programs crashed, with their records by build, received within days up to today; those of one
    /// guilty, or of all.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn guilties(&mut self, days: i64, guilty: Option<i64>) -> Result<Vec<GuiltyOfBuild>, StorageError> {
        let query = format!(
            "SELECT {COLUMNS}, n.build, n.n FROM (SELECT guilty, build, count(*) AS n FROM records \
             WHERE group_id IS NOT NULL AND guilty IS NOT NULL AND ts_reception >= $1 AND ($2 = 0 OR guilty = $2) \
             GROUP BY guilty, build) AS n JOIN guilty g ON g.id = n.guilty ORDER BY n.n DESC, g.id, n.build LIMIT 20000"
        );
        let read = |mut row: Row| {
            Ok(GuiltyOfBuild { guilty: read(&mut row)?, build: row.text()?, records: row.count()? })
        };
        let values = [self.since(days).into(), guilty.unwrap_or(0).into()];
        self.sql.select(&query, &values)?.into_iter().map(read).collect()
    }

    /// One guilty; none if there is none.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn guilty(&mut self, id: i64) -> Result<Option<Guilty>, StorageError> {
        let query = format!("SELECT {COLUMNS} FROM guilty g WHERE g.id = $1");
        first(self.sql, &query, &[id.into()])?.map(|mut row| read(&mut row)).transpose()
    }

    /// Those that lists leave out.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn hidden_guilties(&mut self) -> Result<Vec<Guilty>, StorageError> {
        let query = format!(
            "SELECT {COLUMNS} FROM guilty g WHERE g.hidden <> 0 ORDER BY g.function, g.module LIMIT 10000"
        );
        self.sql.select(&query, &[])?.into_iter().map(|mut row| read(&mut row)).collect()
    }

    /// The first pairs that were ever guilty, for menus.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn known_guilties(&mut self, limit: usize) -> Result<Vec<Guilty>, StorageError> {
        let query = format!("SELECT {COLUMNS} FROM guilty g ORDER BY g.function, g.module LIMIT {limit}");
        self.sql.select(&query, &[])?.into_iter().map(|mut row| read(&mut row)).collect()
    }

    /// The machines on which a guilty was met within days up to today, by build, most records first.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn guilty_machines(&mut self, id: i64, days: i64) -> Result<Vec<GuiltyOfMachine>, StorageError> {
        let query = "SELECT build, machine_id, count(*) AS n FROM records \
            WHERE group_id IS NOT NULL AND guilty = $1 AND ts_reception >= $2 \
            GROUP BY build, machine_id ORDER BY n DESC, build, machine_id LIMIT 1000";
        let read = |mut row: Row| {
            Ok(GuiltyOfMachine { build: row.text()?, machine_id: row.text()?, records: row.count()? })
        };
        self.sql.select(query, &[id.into(), self.since(days).into()])?.into_iter().map(read).collect()
    }

    /// All pairs that are passed over.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn blacklist(&mut self) -> Result<Vec<Blacklisted>, StorageError> {
        let query = "SELECT id, function, module FROM guilty_blacklisted ORDER BY function, module";
        let read =
            |mut row: Row| Ok(Blacklisted { id: row.int()?, function: row.text()?, module: row.text()? });
        self.sql.select(query, &[])?.into_iter().map(read).collect()
    }

    /// While guilties are found again: the ids that are still to be gone through, of how many.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn guilties_left(&mut self) -> Result<Option<(u64, u64)>, StorageError> {
        let query = "SELECT to_id, start_id FROM guilty_work ORDER BY start_id DESC LIMIT 1";
        first(self.sql, query, &[])?.map(|mut row| Ok((row.count()?, row.count()?))).transpose()
    }

    fn since(&self, days: i64) -> i64 {
        (self.today() - days + 1) * crate::groups::states::DAY_SECS
    }
}
