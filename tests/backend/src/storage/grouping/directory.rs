//! What a session knows of variants, groups and versions, so that a record of a known failure asks nothing.
//!
//! All of it holds for one generation: whoever changes what is in which group, or a mark, counts the generation up, in the
//! same transaction.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::facts::{Facts, Failure};
use super::known_group::KnownGroup;
use super::new::{Found, find_or_make};
use super::{Place, PlaceOfFailure, guilties};
use crate::groups::changes::Grouping;
use crate::groups::guilty::Blacklist;
use crate::groups::hash::Hash;
use crate::groups::leading_module::{LeadingModule, leading_module, module_build};
use crate::groups::rules::Rules;
use crate::groups::signature::Verdict;
use crate::groups::states::{Marks, Regressed};
use crate::groups::versions::{Line, Version};
use crate::limits::{KNOWN_VARIANTS, MODULE_BUILDS, NEW_VERSIONS};
use crate::record::Record;
use crate::storage::StorageError;
use crate::storage::sql::{Write, first, one};

/// What is known.
#[derive(Default)]
pub(in crate::storage) struct Directory {
    generation: i64,
    pub(super) variants: HashMap<Hash, KnownVariant>,
    pub(super) groups: HashMap<i64, KnownGroup>,
    versions: HashMap<(Line, Vec<u8>), i64>,
    /// Builds of modules, by the day on which they were last noted.
    modules: HashMap<(i64, String, String), i64>,
    /// By all decisions; read when something new comes.
    pub(super) grouping: Option<Grouping>,
    /// Days, kinds and subjects that have had their new signatures.
    pub(super) full: HashSet<(i64, String, String)>,
    pub(super) guilty: HashMap<(String, String), Option<i64>>,
    pub(super) blacklist: Option<Blacklist>,
}

/// A variant that is stored.
#[derive(Clone, Debug)]
pub(super) struct KnownVariant {
    pub(super) id: i64,
    pub(super) group: i64,
    pub(super) first_seen_secs: i64,
    /// What its rules say of its frames; of the variant that is stored in its place, if one is.
    pub(super) verdict: Arc<Verdict>,
    /// Where names came from debug files: the module of the frame that the name ends with.
    pub(super) named_module: Option<String>,
}

impl KnownVariant {
    /// The build of the module in which a record's program failed.
    fn module_of(&self, record: &Record, failure: &Failure) -> Option<LeadingModule> {
        match &self.named_module {
            Some(module) => module_build(&record.payload, module),
            None => leading_module(&record.payload, &failure.reading, &self.verdict),
        }
    }
}

impl Directory {
    /// The generation that all of it holds for.
    pub(in crate::storage) fn generation(&self) -> i64 {
        self.generation
    }

    /// Forgets all, unless it is of this generation and not too much.
    pub(in crate::storage) fn renew(&mut self, generation: i64) {
        if self.generation != generation || self.variants.len() > KNOWN_VARIANTS {
            *self = Self { generation, ..Self::default() };
        }
    }

    /// Reads the generation within a transaction, and renews itself.
    pub(in crate::storage) fn read_generation(&mut self, sql: &mut dyn Write) -> Result<(), StorageError> {
        let generation = one(sql, "SELECT generation FROM grouping", &[])?.int()?;
        self.renew(generation);
        Ok(())
    }

    /// The place of a record for which nothing is to be written.
    pub(in crate::storage) fn known(
        &self,
        record: &Record,
        facts: &Facts,
        received_secs: i64,
    ) -> Option<Place> {
        let guilty = self.known_guilty(record)?;
        let Some(failure) = &facts.failure else { return Some(Place { failure: None, guilty }) };
        let variant = self.variants.get(&failure.hash)?;
        let group = self.groups.get(&variant.group)?;
        let version = match &failure.version {
            None => 0,
            Some(version) => {
                let id = *self.versions.get(&(version.line.clone(), version.key.clone()))?;
                if id != 0 && !group.spans_over(version) {
                    return None;
                }
                id
            }
        };
        let is_new = received_secs < variant.first_seen_secs || received_secs < group.first_seen_secs;
        let lacks_package = !group.has_package && failure.reading.package.is_some();
        let module = variant.module_of(record, failure);
        let is_noted = module.is_none_or(|module| {
            let noted = self.modules.get(&(variant.id, module.module, module.build_id));
            noted.is_some_and(|day| *day >= facts.day)
        });
        let failure = Some(PlaceOfFailure { variant: variant.id, group: variant.group, version });
        (!is_new && !lacks_package && is_noted).then_some(Place { failure, guilty })
    }

    /// The place of a record; makes what is new.
    pub(in crate::storage) fn place(
        &mut self,
        sql: &mut dyn Write,
        rules: &Rules,
        record: &Record,
        facts: &Facts,
        received_secs: i64,
    ) -> Result<Place, StorageError> {
        if let Some(place) = self.known(record, facts, received_secs) {
            return Ok(place);
        }
        let guilty = guilties::find_or_make(self, sql, record)?;
        let Some(failure) = &facts.failure else { return Ok(Place { failure: None, guilty }) };
        let found = match self.variants.get(&failure.hash) {
            Some(known) => Found { known: known.clone(), is_own: true },
            None => find_or_make(self, sql, rules, (record, failure), (facts.day, received_secs))?,
        };
        let version = match &failure.version {
            None => 0,
            Some(version) => self.version(sql, version, facts.day, received_secs)?,
        };
        self.note_group(sql, &found.known, failure, version, received_secs)?;
        if found.is_own {
            self.note_module(sql, record, failure, &found.known, facts.day, received_secs)?;
        }
        let failure = PlaceOfFailure { variant: found.known.id, group: found.known.group, version };
        Ok(Place { failure: Some(failure), guilty })
    }

    /// The mark that a stored record sets on its group, if it does.
    pub(in crate::storage) fn regression(
        &self,
        place: &Place,
        facts: &Facts,
        record: i64,
        received_secs: i64,
    ) -> Option<(i64, Marks)> {
        let group = place.failure?.group;
        let marks = &self.groups.get(&group)?.marks;
        let version = facts.failure.as_ref()?.version.as_ref();
        let back: Regressed = marks.regressed_by(record, received_secs, version)?;
        Some((group, Marks { regressed: Some(back), ..marks.clone() }))
    }

    /// Stores that a group came back.
    pub(in crate::storage) fn set_regressed(
        &mut self,
        sql: &mut dyn Write,
        (group, marks): (i64, Marks),
    ) -> Result<(), StorageError> {
        let update = "UPDATE groups SET marks = $1, mark = 'marked' WHERE id = $2";
        sql.execute(update, &[json(&marks)?.into(), group.into()])?;
        if let Some(known) = self.groups.get_mut(&group) {
            known.marks = marks;
        }
        Ok(())
    }

    fn version(
        &mut self,
        sql: &mut dyn Write,
        version: &Version,
        day: i64,
        received_secs: i64,
    ) -> Result<i64, StorageError> {
        let at = (version.line.clone(), version.key.clone());
        if let Some(id) = self.versions.get(&at) {
            return Ok(*id);
        }
        let values = [version.line.to_string().into(), version.key.clone().into()];
        let query = "SELECT id FROM versions WHERE line = $1 AND sort_key = $2";
        let id = match first(sql, query, &values)? {
            Some(mut row) => row.int()?,
            None => {
                if self.is_full_of_versions(sql, day)? {
                    super::new::note_bound(sql, day, "versions", &version.line.to_string())?;
                    return Ok(0);
                }
                let [line, key] = values;
                let insert = "INSERT INTO versions (line, text, sort_key, first_seen, first_day) \
                    VALUES ($1, $2, $3, $4, $5) RETURNING id";
                let values = [line, version.text.as_str().into(), key, received_secs.into(), day.into()];
                one(sql, insert, &values)?.int()?
            }
        };
        self.versions.insert(at, id);
        Ok(id)
    }

    fn is_full_of_versions(&mut self, sql: &mut dyn Write, day: i64) -> Result<bool, StorageError> {
        let of_versions = (day, String::new(), "versions".to_owned());
        if self.full.contains(&of_versions) {
            return Ok(true);
        }
        let query = "SELECT count(*) FROM versions WHERE first_day = $1";
        let is_full = one(sql, query, &[day.into()])?.count()? >= NEW_VERSIONS;
        if is_full {
            self.full.insert(of_versions);
        }
        Ok(is_full)
    }

    /// What a record may change of its group: first seen, the package, the span of its versions.
    fn note_group(
        &mut self,
        sql: &mut dyn Write,
        variant: &KnownVariant,
        failure: &Failure,
        version: i64,
        received_secs: i64,
    ) -> Result<(), StorageError> {
        let id = variant.group;
        let mut group = match self.groups.remove(&id) {
            Some(group) => group,
            None => KnownGroup::read(sql, id)?,
        };
        if received_secs < group.first_seen_secs {
            sql.execute(
                "UPDATE groups SET first_seen = $1 WHERE id = $2",
                &[received_secs.into(), id.into()],
            )?;
            group.first_seen_secs = received_secs;
        }
        if received_secs < variant.first_seen_secs {
            let update = "UPDATE variants SET first_seen = $1 WHERE id = $2";
            sql.execute(update, &[received_secs.into(), variant.id.into()])?;
            if let Some(known) = self.variants.get_mut(&failure.hash) {
                known.first_seen_secs = received_secs;
            }
        }
        if let Some((package, _)) = failure.reading.package.as_ref().filter(|_| !group.has_package) {
            sql.execute(
                "UPDATE groups SET package = $1 WHERE id = $2",
                &[package.as_str().into(), id.into()],
            )?;
            group.has_package = true;
        }
        if let Some(known) = failure.version.as_ref().filter(|_| version != 0) {
            group.widen(sql, id, known, version)?;
        }
        self.groups.insert(id, group);
        Ok(())
    }

    fn note_module(
        &mut self,
        sql: &mut dyn Write,
        record: &Record,
        failure: &Failure,
        variant: &KnownVariant,
        day: i64,
        received_secs: i64,
    ) -> Result<(), StorageError> {
        let Some(found) = variant.module_of(record, failure) else { return Ok(()) };
        let at = (variant.id, found.module, found.build_id);
        if self.modules.get(&at).is_some_and(|noted| *noted >= day) {
            return Ok(());
        }
        let update = "UPDATE variant_module SET last_seen = CASE WHEN last_seen > $1 THEN last_seen ELSE $1 END \
            WHERE variant = $2 AND module = $3 AND build_id = $4";
        let values = [received_secs.into(), at.0.into(), at.1.as_str().into(), at.2.as_str().into()];
        if sql.execute(update, &values)? == 0 {
            let query = "SELECT count(*) FROM variant_module WHERE variant = $1";
            if one(sql, query, &[at.0.into()])?.count()? >= MODULE_BUILDS {
                super::new::note_bound(sql, day, "modules", &at.1)?;
            } else {
                let insert = "INSERT INTO variant_module (last_seen, variant, module, build_id, first_seen) \
                    VALUES ($1, $2, $3, $4, $1)";
                sql.execute(insert, &values)?;
            }
        }
        if self.modules.len() > KNOWN_VARIANTS {
            self.modules.clear();
        }
        self.modules.insert(at, day);
        Ok(())
    }
}

/// A value as it is stored.
pub(in crate::storage) fn json(value: &impl serde::Serialize) -> Result<String, StorageError> {
    serde_json::to_string(value).map_err(|error| StorageError::Failed(error.to_string()))
}
