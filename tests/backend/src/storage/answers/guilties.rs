//! Crashes as the Flask backend grouped them, for those who compare.

use super::Answers;
use crate::storage::StorageError;
use crate::storage::sql::Row;

/// A guilty on a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuiltyOfBuild {
    /// Its id.
    pub id: i64,
    /// The function.
    pub function: String,
    /// The module.
    pub module: String,
    /// The build.
    pub build: String,
    /// Records within the days.
    pub records: u64,
}

impl Answers<'_> {
    /// Functions in which programs crashed, with their records by build, received within days up to today; those of one
    /// guilty, or of all.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn guilties(&mut self, days: i64, guilty: Option<i64>) -> Result<Vec<GuiltyOfBuild>, StorageError> {
        let query = "SELECT g.id, g.function, g.module, r.build, count(*) AS n FROM records r \
            JOIN guilty g ON g.id = r.guilty \
            WHERE r.group_id IS NOT NULL AND r.ts_reception >= $1 AND ($2 = 0 OR g.id = $2) \
            GROUP BY g.id, g.function, g.module, r.build ORDER BY n DESC, g.id, r.build LIMIT 5000";
        let since_secs = (self.today() - days + 1) * crate::groups::states::DAY_SECS;
        let read = |mut row: Row| {
            Ok(GuiltyOfBuild {
                id: row.int()?,
                function: row.text()?,
                module: row.text()?,
                build: row.text()?,
                records: row.count()?,
            })
        };
        let values = [since_secs.into(), guilty.unwrap_or(0).into()];
        self.sql.select(query, &values)?.into_iter().map(read).collect()
    }
}
