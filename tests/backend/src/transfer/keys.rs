//! Keys of records whose lines have none, so that a record that comes twice is one, whatever its source is called.
//!
//! ```text
//!  key in the record's line             it
//!  key behind the records (form 3)      it, where the input could be read twice
//!  none, or none any more               a digest of the content and of how many like it stand above it
//! ```
//!
//! A record that came here without a key, or whose key is forgotten, is not recognised by the third: nothing here has that digest.
//! Only what came by an import has it.

use std::collections::HashMap;

use super::fields::Fields;
use crate::limits::KEY_DAYS;
use crate::record::{KeyDigest, StoredRecord};

/// Keys that stand behind the records: 24 bytes of memory each.
pub(super) const MAX_BEHIND: usize = 10_000_000;

const DAY_SECS: i64 = 24 * 60 * 60;

/// Before the content. A key that a client sends has no NUL.
const SALT: &str = "\0import 1\0";

/// The keys of an input.
#[derive(Default)]
pub(super) struct Keys {
    /// By the ids of their records.
    behind: Vec<(i64, KeyDigest)>,
    /// How many of each content have come.
    alike: HashMap<KeyDigest, u32>,
}

impl Keys {
    /// With those that stand behind the records.
    pub(super) fn with_behind(mut behind: Vec<(i64, KeyDigest)>) -> Self {
        behind.sort_unstable_by_key(|(id, _)| *id);
        Self { behind, alike: HashMap::new() }
    }

    /// The key of a record, which is asked for once, and for all records in their order. None for one that is so old that its key
    /// would be forgotten at once.
    pub(super) fn of(
        &mut self,
        stored: &StoredRecord,
        given: Option<KeyDigest>,
        now_secs: i64,
    ) -> Option<KeyDigest> {
        let behind = || {
            let at = self.behind.binary_search_by_key(&stored.id, |(id, _)| *id).ok()?;
            self.behind.get(at).map(|(_, key)| *key)
        };
        if let Some(key) = given.or_else(behind) {
            return Some(key);
        }
        if stored.received_secs < now_secs.saturating_sub(KEY_DAYS * DAY_SECS) {
            return None;
        }
        let content = Fields::from(StoredRecord { id: 0, ..stored.clone() });
        let content = serde_json::to_string(&content).ok()?;
        let before = self.alike.entry(KeyDigest::from_text(&content)).or_default();
        let key = KeyDigest::from_text(&format!("{SALT}{before}\0{content}"));
        *before = before.saturating_add(1);
        Some(key)
    }
}
