//! What people changed beside groups.

use super::Answers;
use crate::storage::StorageError;
use crate::storage::sql::{Row, first};

/// The rules of a site that are kept in the database, with the number of the change.
pub(in crate::storage) const SITE_RULES: &str =
    "SELECT id, became FROM changes WHERE subject = 'rules' ORDER BY id DESC LIMIT 1";

/// monitoring-params.xml, with the number of the change.
pub(in crate::storage) const MONITORING_PARAMS: &str =
    "SELECT id, became FROM changes WHERE subject = 'monitoring-params' ORDER BY id DESC LIMIT 1";

/// A change that is of no group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptChange {
    /// Its number.
    pub id: i64,
    /// Of what: `rules`, `monitoring-params`, `guilty` or `blacklist`.
    pub subject: String,
    /// Which one; empty where there is one alone.
    pub object: String,
    /// What was changed of it.
    pub what: String,
    /// What it was.
    pub was: String,
    /// What it became.
    pub became: String,
    /// Who did.
    pub who: String,
    /// When, in Unix seconds.
    pub when_secs: i64,
}

impl Answers<'_> {
    /// What was changed, newest first: of all, or of one subject, or of one object of it.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn kept_changes(
        &mut self,
        subject: Option<&str>,
        object: Option<&str>,
        limit: usize,
    ) -> Result<Vec<KeptChange>, StorageError> {
        let mut conditions = Vec::new();
        let mut values = Vec::new();
        for (column, value) in [("subject", subject), ("object", object)] {
            if let Some(value) = value {
                values.push(value.into());
                conditions.push(format!("{column} = ${}", values.len()));
            }
        }
        let conditions = if conditions.is_empty() { "1 = 1".to_owned() } else { conditions.join(" AND ") };
        let query = format!(
            "SELECT id, subject, object, what, was, became, who, changed FROM changes WHERE {conditions} \
             ORDER BY id DESC LIMIT {limit}"
        );
        let change = |mut row: Row| {
            Ok(KeptChange {
                id: row.int()?,
                subject: row.text()?,
                object: row.text()?,
                what: row.text()?,
                was: row.text()?,
                became: row.text()?,
                who: row.text()?,
                when_secs: row.int()?,
            })
        };
        self.sql.select(&query, &values)?.into_iter().map(change).collect()
    }

    /// The number and the text of the rules of the site; none if nobody has kept any.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn site_rules(&mut self) -> Result<Option<(i64, String)>, StorageError> {
        first(self.sql, SITE_RULES, &[])?.map(|mut row| Ok((row.int()?, row.text()?))).transpose()
    }

    /// The number and the text of monitoring-params.xml; none if nobody has kept any.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn monitoring_params(&mut self) -> Result<Option<(i64, String)>, StorageError> {
        first(self.sql, MONITORING_PARAMS, &[])?.map(|mut row| Ok((row.int()?, row.text()?))).transpose()
    }

    /// The text that the rules of the site had after a change.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn site_rules_of(&mut self, change: i64) -> Result<Option<String>, StorageError> {
        let query = "SELECT became FROM changes WHERE subject = 'rules' AND id = $1";
        first(self.sql, query, &[change.into()])?.map(|mut row| row.text()).transpose()
    }
}
