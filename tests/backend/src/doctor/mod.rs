//! `telem-collector doctor`: looks for what is wrong with a set-up, and says the remedy of each finding.
//!
//! Each room below gathers its facts and judges them. Nothing is changed; the buffers that are fetched from are connected to,
//! as the collector does.

mod buffer;
mod finding;
mod identities;
mod listener;
mod sources;
mod trusted;

use serde::Serialize;
use telemetry_trust::TrustList;

use crate::cli::DoctorOptions;
use crate::owner::become_owner;
use crate::start_error::{StartError, print};
use crate::storage::Address;
use finding::{Finding, Level};

/// What was found. The names are those of `--json`.
#[derive(Debug, Serialize)]
struct Report {
    findings: Vec<Finding>,
    errors: usize,
    warnings: usize,
}

/// What the rooms share.
struct Examined<'a> {
    options: &'a DoctorOptions,
    database: Option<&'a Address>,
    /// The trust file and what was learned, as far as they can be used.
    list: TrustList,
}

impl Examined<'_> {
    fn identity_directory(&self) -> Option<std::path::PathBuf> {
        self.options.trust.identity_directory(self.database.and_then(Address::file))
    }

    fn speaks_tls(&self) -> bool {
        let trust = &self.options.trust;
        trust.tls || !trust.tls_listen.is_empty()
    }
}

/// Looks, and prints what was found, for people or as JSON.
///
/// # Errors
/// If a finding is an error.
pub(crate) fn run(options: &DoctorOptions, json: bool) -> Result<(), StartError> {
    let findings = examine(options);
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let report = Report { errors: count(Level::Error), warnings: count(Level::Warning), findings };
    if json {
        let text = serde_json::to_string_pretty(&report).unwrap_or_default();
        print(&format!("{text}\n"))?;
    } else {
        print(&report.findings.iter().map(Finding::line).collect::<String>())?;
    }
    match report.errors {
        0 => Ok(()),
        errors => Err(StartError::Doctor(errors)),
    }
}

fn examine(options: &DoctorOptions) -> Vec<Finding> {
    let mut findings = Vec::new();
    let database = options.database.address();
    if let Err(error) = &database {
        findings.push(Finding::error("database", error.to_string(), "put that right"));
    }
    let database = database.ok();
    let mut examined = Examined { options, database: database.as_ref(), list: TrustList::default() };
    let directory = examined.identity_directory();
    if let Some(error) = directory.as_deref().and_then(|directory| become_owner(directory).err()) {
        let text = format!("the rights of the collector's user cannot be taken: {error}");
        findings.push(Finding::warning("identity", text, "run this as that user"));
    }
    let (list, of_files) = trusted::check(options.trust.trust.as_deref(), directory.as_deref());
    findings.extend(of_files);
    examined.list = list;
    findings.extend(listener::check(&examined));
    findings.extend(identities::check(&examined));
    findings.extend(buffer::check(&examined));
    findings.extend(sources::check(&examined));
    findings
}
