//! Copying: what is freed is on disk in the cache before.
//!
//! ```text
//! for each source:   read ─▶ copied, content synced ─▶ ... ─▶ names shown and synced ─▶ freed, or remembered
//! ```
//!
//! A kill at any moment leaves a dump in its store, in the cache, or in both; in both, the next copy is known by its
//! content, and pstoreprobe, if it was faster, by what it remembers of it.

use crate::pstore::cache::Cache;
use crate::pstore::consent::{Consent, dump_secs};
use crate::pstore::files::{self, Found};
use crate::pstore::oopses::content_id;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use telemetry_store::state_file;

/// A directory with dumps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// Whether what is copied is removed there: of a store, whose room is needed. An archive is the administrator's.
    pub(super) is_freed: bool,
}

/// `STATE_DIR/pstoreclean.json`: what of the archives was copied.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Memory {
    /// By content. What has gone from the archives is forgotten.
    archived: BTreeSet<String>,
}

/// Copies the dumps of these sources. Returns how many were not copied, each of which is logged.
///
/// # Errors
/// A source cannot be listed, or what was copied cannot be remembered.
pub(super) fn copy(
    sources: &[Source],
    cache: &Cache,
    consent: Consent,
    state_dir: &Path,
) -> Result<usize, String> {
    let memory_path = state_dir.join("pstoreclean.json");
    let at_memory = |error: io::Error| format!("{}: {error}", memory_path.display());
    let before: Memory = match state_file::read(&memory_path) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            log::warn!("{}; beginning a new one", at_memory(error));
            Memory::default()
        }
        memory => memory.map_err(at_memory)?.unwrap_or_default(),
    };
    let mut run = Run { cache, consent, before, after: Memory::default(), left: 0 };
    for source in sources {
        run.source(source).map_err(|error| format!("{}: {error}", source.path.display()))?;
    }
    if run.after != run.before {
        state_file::write_private(&memory_path, &run.after).map_err(at_memory)?;
    }
    Ok(run.left)
}

struct Run<'a> {
    cache: &'a Cache,
    consent: Consent,
    before: Memory,
    after: Memory,
    left: usize,
}

/// A dump that is in the cache.
struct Copied {
    found: Found,
    content: String,
    /// Its name there, if this run made it.
    new_name: Option<String>,
}

impl Run<'_> {
    fn source(&mut self, source: &Source) -> io::Result<()> {
        let listing = if source.is_freed {
            files::of_directory(&source.path)?
        } else {
            files::of_archive(&source.path)?
        };
        if listing.is_cut {
            log::warn!("{}: there are more files than are read", source.path.display());
        }
        let mut copied = Vec::new();
        for found in listing.found {
            match self.one(source, found) {
                Ok(done) => copied.extend(done),
                Err(Fault::Dump(text)) => self.leave(text),
                Err(Fault::Full(text)) => {
                    // As many as are reported at a time; the next run goes on from there.
                    self.leave(text);
                    self.after.archived.extend(self.before.archived.iter().cloned());
                    break;
                }
                Err(Fault::Cache(text)) => {
                    self.leave(text);
                    self.left += copied.len();
                    self.after.archived.extend(self.before.archived.iter().cloned());
                    // There is no space for all: parts of one crash stay together, where they are.
                    return self.cache.take_back();
                }
            }
        }
        self.cache.commit()?;
        self.finish(source, copied);
        Ok(())
    }

    fn one(&mut self, source: &Source, found: Found) -> Result<Option<Copied>, Fault> {
        let bytes =
            files::read(&found.path).map_err(|error| Fault::Dump(at(found.path.display(), &error)))?;
        if !self.consent.covers(dump_secs(&found.name, bytes.modified_secs())) {
            log::info!("{} is from before consent, and is left where it is", found.path.display());
            return Ok(None);
        }
        let content = content_id(&bytes.bytes);
        if !source.is_freed && self.before.archived.contains(&content) {
            self.after.archived.insert(content);
            return Ok(None);
        }
        match self.cache.keep(&found.file_name, &bytes) {
            Ok(new_name) => Ok(Some(Copied { found, content, new_name })),
            Err(error) => {
                let text = at(self.cache.path().display(), &error);
                let is_full = error.kind() == io::ErrorKind::QuotaExceeded;
                Err(if is_full { Fault::Full(text) } else { Fault::Cache(text) })
            }
        }
    }

    fn leave(&mut self, text: String) {
        self.left += 1;
        log::error!("{text}");
    }

    fn finish(&mut self, source: &Source, copied: Vec<Copied>) {
        for Copied { found, content, new_name } in copied {
            if let Some(name) = new_name {
                log::info!("{} was copied to {}/{name}", found.path.display(), self.cache.path().display());
            }
            if !source.is_freed {
                self.after.archived.insert(content);
                continue;
            }
            match fs::remove_file(&found.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    self.leave(format!(
                        "{}: it is copied and cannot be freed: {error}",
                        found.path.display()
                    ));
                }
                _ => {}
            }
        }
    }
}

/// What went wrong with a dump.
enum Fault {
    /// It cannot be read; others may.
    Dump(String),
    /// As many wait as may wait.
    Full(String),
    /// The cache cannot be written.
    Cache(String),
}

fn at(path: impl Display, error: &io::Error) -> String {
    format!("{path}: {error}")
}
