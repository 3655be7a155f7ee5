//! From files to crashes.

use crate::pstore::crash::{Crash, crashes};
use crate::pstore::dump::Dump;
use crate::pstore::files::{Content, Found};
use crate::pstore::limits::TEXT_AT_ONCE_BYTES;
use crate::pstore::oopses::content_id;
use std::collections::BTreeMap;
use std::io;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) crashes: Vec<Crash>,
    /// Content of each dump, by its label.
    pub(super) contents: BTreeMap<String, String>,
    /// Files that were reported before, or that another one is a copy of.
    pub(super) copies: Vec<String>,
    /// What could not be read, as sentences.
    pub(super) faults: Vec<String>,
    /// Whether there is more than is in memory at one time.
    pub(super) has_more: bool,
}

/// Reads files, which are labelled by this; those whose content is reported already, or is another one's, are copies.
pub(super) fn load(
    files: &[Found],
    label: impl Fn(&Found) -> String,
    read: impl Fn(&Found) -> io::Result<Content>,
    is_told: impl Fn(&str) -> bool,
) -> Loaded {
    let mut loaded = Loaded::default();
    let mut dumps = Vec::new();
    let mut text_bytes = 0;
    for file in files {
        if text_bytes >= TEXT_AT_ONCE_BYTES {
            loaded.has_more = true;
            break;
        }
        let label = label(file);
        let content = match read(file) {
            Ok(content) => content,
            Err(error) => {
                loaded.faults.push(format!("{}: {error}", file.path.display()));
                continue;
            }
        };
        let id = content_id(&content.bytes);
        if is_told(&id) || loaded.contents.values().any(|known| *known == id) {
            loaded.copies.push(label);
            continue;
        }
        let dump = Dump::read(&label, &file.name, content.modified_secs(), &content.bytes);
        text_bytes += dump.text_bytes();
        dumps.push(dump);
        loaded.contents.insert(label, id);
    }
    loaded.crashes = crashes(dumps);
    loaded
}
