//! Why a record is in its group.

use super::Answers;
use crate::groups::changes::GroupId;
use crate::groups::explain::{ExplainedFrame, explain_record};
use crate::groups::hash::Hash;
use crate::groups::reading::{read, read_with, unnamed};
use crate::groups::rules::Rules;
use crate::groups::signature::decide;
use crate::record::StoredRecord;
use crate::storage::StorageError;
use crate::storage::grouping::asked;
use crate::storage::sql::first;
use crate::storage::symbols::Names;

/// Why a record is in its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// The group; none if it is in none.
    pub group: Option<GroupId>,
    /// The hash of the variant that it counts for. It is not `variant` where that is one of too many.
    pub stored_variant: Option<Hash>,
    /// The hash of its own variant.
    pub variant: Option<Hash>,
    /// The hash of its signature, by these rules.
    pub signature: Option<Hash>,
    /// Each frame of its payload, and what became of it by which rule.
    pub frames: Vec<ExplainedFrame>,
    /// The version that it counts for.
    pub version: Option<String>,
    /// Function and module of the guilty, as the Flask backend grouped.
    pub guilty: Option<(i64, String, String)>,
}

impl Answers<'_> {
    /// Why a record is in its group; nothing if there is no such record.
    ///
    /// # Errors
    /// If the database cannot be read, or not in time.
    pub fn why(&mut self, stored: &StoredRecord, rules: &Rules) -> Result<Option<Why>, StorageError> {
        let query = "SELECT r.group_id, v.hash, n.text, g.id, g.function, g.module FROM records r \
            LEFT JOIN variants v ON v.id = r.variant LEFT JOIN versions n ON n.id = r.version \
            LEFT JOIN guilty g ON g.id = r.guilty WHERE r.id = $1";
        let Some(mut row) = first(self.sql, query, &[stored.id.into()])? else { return Ok(None) };
        let group = row.opt_int()?;
        let stored_variant = row.opt_text()?.and_then(|text| text.parse().ok());
        let version = row.opt_text()?;
        let guilty = (row.opt_int()?, row.opt_text()?, row.opt_text()?);
        let guilty = match guilty {
            (Some(id), Some(function), Some(module)) => Some((id, function, module)),
            _ => None,
        };
        let record = &stored.record;
        let mut why = Why {
            group,
            stored_variant,
            variant: None,
            signature: None,
            frames: Vec::new(),
            version,
            guilty,
        };
        let asked = asked(record);
        let names = Names::of(self.sql, &unnamed(&record.payload))?;
        why.variant = read(&asked).ok().map(|reading| reading.variant.hash());
        if let Ok(reading) = read_with(&asked, &|address| names.functions(address)) {
            let verdict = decide(rules, &reading.variant);
            why.frames = explain_record(rules, &record.payload, &reading, &verdict);
            why.signature = Some(verdict.signature.hash);
        }
        Ok(Some(why))
    }
}
