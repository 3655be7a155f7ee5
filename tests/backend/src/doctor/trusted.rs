//! The trust file, and what peers announced.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use telemetry_trust::{Grammar, LEARNED_FILE, TrustList};

use super::finding::Finding;
use crate::trust::read_list;

const ABOUT: &str = "trust";

/// Write permission of anybody but the owner.
const OF_OTHERS: u32 = 0o022;

/// Who is trusted as far as the files can be used, and what is wrong with them.
pub(super) fn check(file: Option<&Path>, directory: Option<&Path>) -> (TrustList, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut read = |path: &Path, grammar, remedy: &str| match read_list(path, grammar) {
        Ok(list) => list,
        Err(error) => {
            findings.push(Finding::error(ABOUT, error.to_string(), remedy));
            TrustList::default()
        }
    };
    let learned = directory.map(|directory| directory.join(LEARNED_FILE));
    let mend = "mend that line; until then the list from before stays in force, and a start fails";
    let written = file.map(|path| read(path, Grammar::Administrators, mend)).unwrap_or_default();
    let learned =
        learned.as_deref().map(|path| read(path, Grammar::Learned, "remove the file: peers announce anew"));
    if let Some(path) = file {
        findings.extend(of_file(path, &written));
    }
    let all = written.clone().with_learned(&learned.unwrap_or_default());
    findings.extend(all.certificates().iter().filter_map(|line| {
        let parent = line.words.next_of?;
        Some(Finding::warning(
            ABOUT,
            format!(
                "{} is trusted since {parent} has announced it, and no person has accepted it",
                line.fingerprint
            ),
            format!("`telem-collector trust accept {}` lets it take that one's place", line.fingerprint),
        ))
    }));
    (all, findings)
}

fn of_file(path: &Path, list: &TrustList) -> Vec<Finding> {
    let name = path.display();
    let Ok(metadata) = fs::metadata(path) else {
        return vec![Finding::warning(
            ABOUT,
            format!("{name} is not there, so that nobody is trusted"),
            format!("`telem-collector trust add FINGERPRINT role=... --trust {name}` makes it"),
        )];
    };
    let mut findings = Vec::new();
    if metadata.mode() & OF_OTHERS != 0 {
        findings.push(Finding::error(
            ABOUT,
            format!(
                "{name} can be written by others (mode {:04o}), who can have anybody trusted",
                metadata.mode() & 0o7777
            ),
            format!("`chmod go-w {name}`"),
        ));
    }
    findings.extend(
        list.warnings()
            .iter()
            .map(|warning| Finding::warning(ABOUT, format!("{name}: {warning}"), "mend that line")),
    );
    if findings.is_empty() {
        findings.push(Finding::ok(ABOUT, format!("{name} lists {} certificates", list.certificates().len())));
    }
    findings
}
