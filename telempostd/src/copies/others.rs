//! Folders of servers that are no copies any more.

use crate::accounting::Accounting;
use crate::settings::Settings;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::time::Instant;
use telemetry_store::spool::copies::{self, CopyFolder, folder_name};
use telemetry_store::spool::{COPY_DIR, Reader as SpoolReader, file};

/// Removes the folders of servers that are no copies any more.
pub(super) fn remove_others(
    settings: &Settings,
    spool: &SpoolReader,
    accounting: &mut Accounting,
    now: Instant,
) {
    let wanted: HashSet<_> =
        settings.copies.iter().map(|server| folder_name(&server.url.to_string())).collect();
    let folders = copies::folders(spool).unwrap_or_else(|error| {
        accounting.spool_fault(&spool.path().join(COPY_DIR), &error.to_string(), now);
        Vec::new()
    });
    for folder in
        folders.into_iter().filter(|folder| !folder.to_str().is_some_and(|name| wanted.contains(name)))
    {
        let path = spool.path().join(COPY_DIR).join(&folder);
        let records = waiting_in(spool, &folder);
        match copies::remove_folder(spool, &folder) {
            Ok(_) => accounting.copy_removed(&folder, records, &path, now),
            Err(error) => accounting.spool_fault(&path, &format!("cannot be removed: {error}"), now),
        }
    }
}

/// Records in a folder, as far as they can be read.
fn waiting_in(spool: &SpoolReader, folder: &OsStr) -> u64 {
    let folder = folder.to_str().and_then(|name| CopyFolder::open(spool, name).ok().flatten());
    let Some(folder) = folder else { return 0 };
    let of_file =
        |name: &OsStr| folder.read(name).map_or(0, |bytes| file::decode(name, &bytes).records.len());
    folder.entries().unwrap_or_default().iter().map(|entry| of_file(&entry.name) as u64).sum()
}
