//! A debug file, and what belongs to it, on their way to the process that reads them.

use std::fs::File;
use std::sync::Arc;

use super::{Work, report};
use crate::storage::symbols::{FoundNames, WantedFile};
use crate::symbols::debug_file::{Needed, NeededUnit};
use crate::symbols::reader::{self, Files, Reply};

impl Work {
    /// Reads a file; what it shares with others is found as it was.
    pub(super) fn read(
        &mut self,
        file: &WantedFile,
        found: &Arc<File>,
        now: i64,
    ) -> Result<FoundNames, String> {
        let WantedFile { build_id, addresses } = file;
        let package = self.sources.package_in_directories(build_id, &mut |reason| report(build_id, &reason));
        let package = package.as_deref();
        let alone = Files { file: found, supplement: None, package, units: &[], is_last: false };
        let (mut supplement, mut is_last) = (None, false);
        let mut reply = reader::read(alone, build_id, addresses)?;
        if let Reply::Needs(needed) = &reply {
            (supplement, is_last) = (self.supplement(build_id, needed, now), true);
            let supplement = supplement.as_deref();
            reply = reader::read(Files { supplement, is_last, ..alone }, build_id, addresses)?;
        }
        let (names, missed) = names_of(reply)?;
        let report = &mut |reason: String| report(build_id, &reason);
        let units = self.sources.units_in_directories(build_id, &missed, report);
        if units.is_empty() {
            return checked(names, addresses);
        }
        let files = Files { supplement: supplement.as_deref(), units: &units, is_last, ..alone };
        // What its units do to the process that reads them, costs no more than their names.
        match reader::read(files, build_id, addresses).and_then(names_of) {
            Ok((names, _)) => checked(names, addresses),
            Err(reason) => {
                report(format!("its split DWARF is not used: {reason}"));
                checked(names, addresses)
            }
        }
    }

    /// What the file of a build-id shares with others: by its own build-id, or where it was.
    fn supplement(&mut self, of: &str, needed: &Needed, now: i64) -> Option<Arc<File>> {
        let Needed { build_id, path } = needed;
        let report = &mut |reason: String| report(build_id, &reason);
        let found = self.sources.in_directories(build_id, report);
        let found = found.or_else(|| self.sources.shared_in_directories(of, path, report));
        if found.is_some() {
            return found;
        }
        if let Some(found) = self.downloads.get(build_id) {
            return Some(found);
        }
        let server = self.sources.server.clone().filter(|_| self.rest_until <= now)?;
        self.downloads.fetch(&self.runtime, &server, build_id).ok()
    }
}

/// Once what it shares with others was looked for, there is no other answer.
fn names_of(reply: Reply) -> Result<(FoundNames, Vec<NeededUnit>), String> {
    match reply {
        Reply::Names(names, missed) => Ok((names, missed)),
        Reply::Needs(_) => Err("it needs more than one other file".to_owned()),
        Reply::Refused(reason) => Err(reason),
    }
}

/// The process that answers has read foreign bytes: names of other addresses than were asked are none, and neither is an
/// answer that would be asked for again for ever.
fn checked(names: FoundNames, addresses: &[u64]) -> Result<FoundNames, String> {
    let is_asked = names.iter().all(|(address, _)| addresses.contains(address));
    if names.is_empty() || !is_asked {
        return Err("its names are of other addresses".to_owned());
    }
    Ok(names)
}
