//! Whether systemd's units are where the configuration has everything: what listens, what waits for records, and what the
//! daemons may write.

use super::finding::Finding;
use crate::installation::Installation;
use crate::services::{self, Misfit};
use std::path::Path;

const ABOUT: &str = "units";

const RESTART: &str = "`telemctl restart` fits them to the configuration";

/// What a unit says, by the words of `systemctl show`.
struct Claim<'a> {
    unit: &'static str,
    /// The property that has it.
    property: &'static str,
    /// What people call it.
    verb: &'static str,
    key: &'static str,
    path: &'a Path,
}

pub(super) fn check(installation: &Installation) -> Vec<Finding> {
    if !services::is_managed(installation) {
        return Vec::new();
    }
    let misfits = match services::misfits(installation) {
        Ok(misfits) => misfits,
        Err(error) => {
            return vec![Finding::warning(
                ABOUT,
                format!("cannot be examined: {error}"),
                "repair systemd first",
            )];
        }
    };
    if !misfits.is_empty() {
        return misfits.iter().map(judge_misfit).collect();
    }
    let settings = &installation.settings;
    let claim = |unit, property, verb, key, path| Claim { unit, property, verb, key, path };
    let mut findings = Vec::new();
    for claim in [
        claim("telemprobd.socket", "Listen", "listens on", "socket_path", &settings.socket_path),
        claim("telempostd.path", "Paths", "waits for records in", "spool_dir", &settings.spool_dir),
        claim("telemprobd.service", "ReadWritePaths", "may write", "spool_dir", &settings.spool_dir),
        claim("telemprobd.service", "ReadWritePaths", "may write", "state_dir", &settings.state_dir),
        claim("telempostd.service", "ReadWritePaths", "may write", "spool_dir", &settings.spool_dir),
        claim("telempostd.service", "ReadWritePaths", "may write", "state_dir", &settings.state_dir),
        claim("telempostd.service", "ReadWritePaths", "may write", "log_dir", &settings.log_dir),
    ] {
        let value = services::unit_property(claim.unit, claim.property).unwrap_or_default();
        findings.extend(judge_claim(&claim, &value));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(ABOUT, "are on the places of the configuration"));
    }
    findings
}

fn judge_misfit(misfit: &Misfit) -> Finding {
    let path = misfit.path.display();
    let text = if misfit.is_needless {
        format!("{path} names places that the configuration has no longer")
    } else {
        format!("{path} is not there or does not name the places of the configuration")
    };
    Finding::error(ABOUT, text, RESTART)
}

/// None where systemd says nothing: a unit that is not there is found elsewhere, and no sandbox forbids nothing.
fn judge_claim(claim: &Claim<'_>, value: &str) -> Option<Finding> {
    let Claim { unit, property, verb, key, path } = claim;
    if value.is_empty() {
        return None;
    }
    let shown = path.to_str()?;
    let is_said = match *property {
        // Words, each perhaps with a mark; a directory above is as good. One with blanks is not told from two.
        "ReadWritePaths" => {
            let words = value.split_whitespace().map(|word| word.trim_start_matches(['-', '+']));
            shown.contains(' ') || words.into_iter().any(|word| path.starts_with(word))
        }
        _ => value.lines().any(|line| line.strip_prefix(shown).is_some_and(|rest| rest.starts_with(" ("))),
    };
    (!is_said).then(|| {
        let value = value.replace('\n', ", ");
        let text = format!("{unit} {verb} {value}, and the configuration says {key}={shown}");
        let remedy = format!(
            "a drop-in of somebody else says so: `systemctl cat {unit}` shows it; correct it, or {key}"
        );
        Finding::error(ABOUT, text, remedy)
    })
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Level, assert_finding};
    use super::*;

    #[test]
    fn a_unit_elsewhere_is_found() {
        let claim =
            |property, key, path| Claim { unit: "u", property, verb: "does", key, path: Path::new(path) };
        for (claim, value, expected) in [
            (claim("Listen", "socket_path", "/run/t"), "/run/t (Stream)", None),
            (claim("Listen", "socket_path", "/run/t"), "", None),
            (
                claim("Listen", "socket_path", "/srv/t"),
                "/run/t (Stream)",
                Some("u does /run/t (Stream), and the configuration says socket_path=/srv/t; a drop-in"),
            ),
            (claim("Listen", "socket_path", "/run/t"), "/x (Stream)\n/run/t (Stream)", None),
            (claim("Paths", "spool_dir", "/s"), "/s (DirectoryNotEmpty)", None),
            (claim("Paths", "spool_dir", "/s"), "/s2 (DirectoryNotEmpty)", Some("spool_dir=/s")),
            (claim("ReadWritePaths", "spool_dir", "/v/s"), "-/v /x", None),
            (claim("ReadWritePaths", "spool_dir", "/v/s"), "/v/s2 /x", Some("u does /v/s2 /x, and")),
        ] {
            let found = judge_claim(&claim, value);
            match expected {
                None => assert_eq!(found, None, "{value}"),
                Some(part) => assert_finding(&found.unwrap(), Level::Error, part),
            }
        }
    }

    #[test]
    fn a_drop_in_that_does_not_fit_is_found() {
        for (is_needless, part) in
            [(true, "no longer; `telemctl restart`"), (false, "does not name the places")]
        {
            assert_finding(&judge_misfit(&Misfit { path: "/d".into(), is_needless }), Level::Error, part);
        }
    }
}
