//! What would be sent, for a person.

use super::load::load;
use super::selection::report_new;
use crate::log::KernelFinding;
use crate::log::Privacy;
use crate::pstore::files;
use crate::pstore::oopses::Mark;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;
use telemetry_outbox::{Finding, Repeats};

/// Prints what would be sent of the dumps in a directory. What klogscanner or pstoreprobe has reported is printed here too.
///
/// # Errors
/// The directory cannot be read.
pub(super) fn print(directory: &Path, privacy: Privacy) -> Result<(), Box<dyn std::error::Error>> {
    let listing =
        files::of_archive(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    if listing.is_cut {
        log::warn!("{}: there are more files than are read", directory.display());
    }
    let label = |found: &files::Found| {
        found.path.strip_prefix(directory).unwrap_or(&found.path).display().to_string()
    };
    let loaded = load(&listing.found, label, |found| files::read(&found.path), |_| false);
    let mut out = io::stdout().lock();
    let mut known = BTreeSet::new();
    let mut count = 0;
    for crash in &loaded.crashes {
        let mut repeats = Repeats::default();
        let mut findings = Vec::new();
        let remark = report_new(crash, |oops, notes| {
            let is_new = known.insert(Mark::new(oops));
            if is_new {
                let happened_ms = oops.stamp_us.unwrap_or(0) / 1000;
                findings.extend(repeats.note(KernelFinding::new(oops, privacy, notes), happened_ms, 0));
            }
            is_new
        });
        if let Some(remark) = remark {
            writeln!(out, "# {remark}")?;
        }
        findings.extend(repeats.flush());
        for (finding, times) in &findings {
            count += 1;
            let record = finding.record(*times);
            writeln!(out, "# {}, severity {}\n{}", record.class, record.severity, record.payload)?;
        }
    }
    match count {
        1 => writeln!(out, "# 1 record would be sent")?,
        count => writeln!(out, "# {count} records would be sent")?,
    }
    if loaded.has_more {
        log::warn!("{}: there are more dumps than are read at once", directory.display());
    }
    loaded.faults.iter().for_each(|fault| log::error!("{fault}"));
    if loaded.faults.is_empty() { Ok(()) } else { Err("not all of it could be read".into()) }
}
