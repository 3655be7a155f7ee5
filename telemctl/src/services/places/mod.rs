//! systemd's units on the places of the configuration: what listens, waits and is sandboxed there knows only the places that
//! were built in. Where telemetrics.conf has others, telemctl writes a drop-in beside each unit that names one
//! ([`unit_text`]), and a file for systemd-tmpfiles; where it has them no longer, telemctl removes them.

mod unit_text;

use super::plan;
use super::systemctl::Systemctl;
use crate::settings::Settings;
use crate::work_directories::DAEMON_USER;
use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use telemetry_config::keys::{CACHE_DIR, ETC_DIR, LOG_DIR, RUN_DIR, SOCKET_PATH, SPOOL_DIR, STATE_DIR};
use telemetry_files::{Attributes, Durability, bounded_file, replace_path};
use unit_text::{Place, drop_in, quoted};

/// Where an administrator's drop-ins are; packages' are elsewhere.
const UNITS_DIR: &str = "/etc/systemd/system";
const TMPFILES_DIR: &str = "/etc/tmpfiles.d";

/// The name of each drop-in; whoever wants to have the last word has a later one.
const DROP_IN: &str = "50-telemetrics-places.conf";
const TMPFILES: &str = "telemetrics-places.conf";

/// Where generators' units are, which are made of the configuration and have its places.
const GENERATED_DIR: &str = "/run/systemd/generator";

/// Longest unit that is read.
const UNIT_BYTES: u64 = 64 * 1024;

/// A file that is to be there with this text, or not at all.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    path: PathBuf,
    text: Option<String>,
}

/// A file that does not fit the configuration: what it is for, and where it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misfit {
    pub(crate) path: PathBuf,
    /// Whether it is to be removed, and not written.
    pub(crate) is_needless: bool,
}

/// Writes and removes what the configuration asks for. Returns whether anything changed, which systemd then knows.
pub(super) fn apply(settings: &Settings, systemctl: &Systemctl) -> Result<bool, String> {
    let mut has_changed = false;
    for wanted in wanted(settings, systemctl)? {
        if fits(&wanted) {
            continue;
        }
        has_changed = true;
        let path = &wanted.path;
        put(&wanted).map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    }
    if has_changed {
        systemctl.reload()?;
    }
    Ok(has_changed)
}

/// The files that [`apply`] would change.
pub(super) fn misfits(settings: &Settings, systemctl: &Systemctl) -> Result<Vec<Misfit>, String> {
    let misfit = |wanted: Wanted| Misfit { path: wanted.path, is_needless: wanted.text.is_none() };
    Ok(wanted(settings, systemctl)?.into_iter().filter(|wanted| !fits(wanted)).map(misfit).collect())
}

fn places(settings: &Settings) -> [Place; 7] {
    let place = |key: &telemetry_config::Key<PathBuf>, configured: &PathBuf| Place {
        key: key.name,
        default: PathBuf::from(key.default),
        configured: configured.clone(),
    };
    [
        place(&SOCKET_PATH, &settings.socket_path),
        place(&SPOOL_DIR, &settings.spool_dir),
        place(&ETC_DIR, &settings.etc_dir),
        place(&STATE_DIR, &settings.state_dir),
        place(&LOG_DIR, &settings.log_dir),
        place(&CACHE_DIR, &settings.cache_dir),
        place(&RUN_DIR, &settings.run_dir),
    ]
}

fn wanted(settings: &Settings, systemctl: &Systemctl) -> Result<Vec<Wanted>, String> {
    let places = places(settings);
    let mut all = Vec::new();
    let fragments = systemctl.fragments(&plan::known())?;
    for (unit, fragment) in fragments.into_iter().filter(|(_, path)| !path.starts_with(GENERATED_DIR)) {
        let text = bounded_file::read_head(&fragment, UNIT_BYTES)
            .map_err(|error| format!("{} cannot be read: {error}", fragment.display()))?;
        let path = Path::new(UNITS_DIR).join(format!("{unit}.d")).join(DROP_IN);
        all.push(Wanted { path, text: drop_in(&String::from_utf8_lossy(&text), &places) });
    }
    all.push(Wanted { path: Path::new(TMPFILES_DIR).join(TMPFILES), text: tmpfiles(&places) });
    Ok(all)
}

/// The directories that systemd makes at boot, as telemetrics-dirs.conf has the built-in ones.
fn tmpfiles(places: &[Place]) -> Option<String> {
    let mut lines = Vec::new();
    for place in places.iter().filter(|place| place.default != place.configured) {
        let below: &[(&str, &str)] = match place.key {
            "state_dir" | "run_dir" => &[("", "0755")],
            "spool_dir" => &[("", "0750")],
            "log_dir" => &[("", "0750"), ("records", "0750")],
            "cache_dir" => &[("", "0750"), ("pstore", "0750")],
            _ => &[],
        };
        for (name, mode) in below {
            let path = if name.is_empty() { place.configured.clone() } else { place.configured.join(name) };
            let path = quoted(&path.display().to_string());
            lines.push(format!("d {path} {mode} {DAEMON_USER} {DAEMON_USER} -\n"));
        }
    }
    let head = "# Written by telemctl: directories that telemetrics.conf names.\n";
    (!lines.is_empty()).then(|| format!("{head}{}", lines.concat()))
}

fn fits(wanted: &Wanted) -> bool {
    match (&wanted.text, bounded_file::read_head(&wanted.path, UNIT_BYTES)) {
        (Some(text), Ok(there)) => there == text.as_bytes(),
        (None, Err(error)) => error.kind() == ErrorKind::NotFound,
        _ => false,
    }
}

fn put(wanted: &Wanted) -> io::Result<()> {
    let parent = wanted.path.parent().unwrap_or(Path::new("/"));
    match &wanted.text {
        Some(text) => {
            DirBuilder::new().recursive(true).mode(0o755).create(parent)?;
            replace_path(&wanted.path, text.as_bytes(), Attributes::new(0o644), Durability::Synced).map(drop)
        }
        None => {
            fs::remove_file(&wanted.path)?;
            // Others' drop-ins may be in it, and then it stays.
            fs::remove_dir(parent).or(Ok(()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_and_removed_and_its_directory_stays_for_others() {
        let root = tempfile::tempdir().unwrap();
        let wanted = |text: Option<&str>| Wanted {
            path: root.path().join("a.service.d").join(DROP_IN),
            text: text.map(str::to_owned),
        };
        assert!(fits(&wanted(None)) && !fits(&wanted(Some("x"))));
        put(&wanted(Some("x"))).unwrap();
        assert!(fits(&wanted(Some("x"))) && !fits(&wanted(Some("y"))) && !fits(&wanted(None)));
        put(&wanted(None)).unwrap();
        assert!(fits(&wanted(None)) && !root.path().join("a.service.d").exists());
        put(&wanted(Some("x"))).unwrap();
        fs::write(root.path().join("a.service.d/mine.conf"), "").unwrap();
        put(&wanted(None)).unwrap();
        assert!(root.path().join("a.service.d/mine.conf").exists());
    }

    #[test]
    fn directories_of_the_configuration_are_made_at_boot() {
        let place = |key, default: &str, configured: &str| Place {
            key,
            default: default.into(),
            configured: configured.into(),
        };
        assert_eq!(tmpfiles(&[place("spool_dir", "/s", "/s")]), None);
        let all = [
            place("socket_path", "/run/t", "/x"),
            place("log_dir", "/l", "/my log"),
            place("state_dir", "/s", "/st"),
        ];
        let text = tmpfiles(&all).unwrap();
        let lines: Vec<_> = text.lines().skip(1).collect();
        let expected = [
            "d \"/my log\" 0750 telemetry telemetry -",
            "d \"/my log/records\" 0750 telemetry telemetry -",
            "d /st 0755 telemetry telemetry -",
        ];
        assert_eq!(lines, expected);
    }
}
