//! Second stage: which file counts, and the value of a key in it.

use crate::ini::{Assignment, BYTE_ORDER_MARK, assignments, last_values};
use crate::key::{AnyKey, Key};
use crate::limits::CONFIG_FILE_BYTES;
use crate::server::{KEYS_OF_A_RECORD, ServerSettings};
use crate::{ConfigError, ConfigWarning, WarningKind, keys};
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use telemetry_files::bounded_file;

/// The administrator's file.
pub const ADMINISTRATORS_FILE: &str =
    concat!(env!("TELEMETRICS_SYSCONFDIR"), "/telemetrics/telemetrics.conf");

/// The distribution's file, which is read where there is no [`ADMINISTRATORS_FILE`].
pub const DISTRIBUTIONS_FILE: &str =
    concat!(env!("TELEMETRICS_DATADIR"), "/defaults/telemetrics/telemetrics.conf");

/// Where a configuration came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// This file.
    File(PathBuf),
    /// No file was found.
    Defaults,
}

impl Source {
    fn path(&self) -> &Path {
        match self {
            Source::File(path) => path,
            Source::Defaults => Path::new("built-in defaults"),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path().display().fmt(f)
    }
}

/// A configuration that was read, of whose keys none is checked yet: each program gets those that it obeys.
#[derive(Debug)]
pub struct Configuration {
    source: Source,
    assignments: Vec<Assignment>,
    begins_with_mark: bool,
}

impl Configuration {
    /// Reads `explicit`, or the first of [`ADMINISTRATORS_FILE`] and [`DISTRIBUTIONS_FILE`] that is there; where none is,
    /// the defaults hold.
    ///
    /// # Errors
    /// [`ConfigError`], but for values. An explicit path must be absolute and name a regular file.
    pub fn load(explicit: Option<&Path>) -> Result<Self, ConfigError> {
        if let Some(path) = explicit {
            if !path.is_absolute() {
                return Err(ConfigError::Relative(path.to_owned()));
            }
            return Self::load_file(path);
        }
        for path in [ADMINISTRATORS_FILE, DISTRIBUTIONS_FILE].map(Path::new) {
            match Self::load_file(path) {
                Err(ConfigError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                loaded => return loaded,
            }
        }
        Ok(Self { source: Source::Defaults, assignments: Vec::new(), begins_with_mark: false })
    }

    fn load_file(path: &Path) -> Result<Self, ConfigError> {
        let file = bounded_file::open_regular(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::parse(path, &read_text(path, &file)?)
    }

    /// The configuration in a text that came from the file at `path`.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let assignments = assignments(path, text, |_| true)?;
        let begins_with_mark = text.starts_with(BYTE_ORDER_MARK);
        Ok(Self { source: Source::File(path.to_owned()), assignments, begins_with_mark })
    }

    /// The file that this is from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The value of a key.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub fn get<T>(&self, key: &Key<T>) -> Result<T, ConfigError> {
        let (text, line) = self.text(key.name, key.default);
        let meant = || key.meant(&text).and_then(|meant| key.allowed.parse(&meant));
        key.allowed.parse(&text).or_else(meant).ok_or_else(|| self.wrong(key, &text, line))
    }

    /// Checks the value of a key of any type.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub fn check(&self, key: &dyn AnyKey) -> Result<(), ConfigError> {
        let (text, line) = self.text(key.name(), key.default());
        if key.allows(&text) || key.meant(&text).is_some() {
            Ok(())
        } else {
            Err(self.wrong(key, &text, line))
        }
    }

    /// The effective value of a key as it may be shown, and the line that sets it (none for the default).
    pub fn shown(&self, key: &dyn AnyKey) -> (String, Option<usize>) {
        let (text, line) = self.text(key.name(), key.default());
        (key.shown(&key.meant(&text).unwrap_or(text)), line)
    }

    /// The same without the lines that set these keys, so that their defaults hold.
    pub fn without(&self, is_left_out: impl Fn(&str) -> bool) -> Self {
        let assignments = self.assignments.iter().filter(|assignment| !is_left_out(&assignment.key));
        let (source, assignments) = (self.source.clone(), assignments.cloned().collect());
        Self { source, assignments, begins_with_mark: self.begins_with_mark }
    }

    /// The values of these keys that are not allowed, but that were taken for others.
    pub fn taken_otherwise(&self, keys: impl IntoIterator<Item = &'static dyn AnyKey>) -> Vec<ConfigWarning> {
        let warning = |key: &dyn AnyKey| {
            let (text, line) = self.text(key.name(), key.default());
            let meant = key.shown(&key.meant(&text)?);
            Some(ConfigWarning {
                path: self.source.path().to_owned(),
                line: line?,
                key: key.name().to_owned(),
                kind: WarningKind::TakenAs { value: key.shown(&text), meant },
            })
        };
        keys.into_iter().filter_map(warning).collect()
    }

    /// The lines that have no effect, in their order.
    pub fn warnings(&self) -> Vec<ConfigWarning> {
        let warning = |line, key: &str, kind| ConfigWarning {
            path: self.source.path().to_owned(),
            line,
            key: key.to_owned(),
            kind,
        };
        let mut warnings = Vec::new();
        warnings.extend(self.begins_with_mark.then(|| warning(1, "", WarningKind::ByteOrderMark)));
        for (index, assignment) in self.assignments.iter().enumerate() {
            let Assignment { line, is_in_section, other_section, key, .. } = assignment;
            let is_same = |other: &Assignment| other.is_in_section && other.key == *key;
            let kind = if !is_in_section {
                WarningKind::OutsideSection { section: other_section.clone().unwrap_or_default() }
            } else if !keys::NAMES.contains(&key.as_str()) {
                WarningKind::Unknown
            } else if self.assignments.iter().take(index).any(is_same) {
                WarningKind::Repeated
            } else {
                continue;
            };
            warnings.push(warning(*line, key, kind));
        }
        warnings
    }

    /// The text of a value, and the line that sets it.
    fn text(&self, name: &str, default: &str) -> (String, Option<usize>) {
        let sets_it = |assignment: &&Assignment| assignment.is_in_section && assignment.key == name;
        match self.assignments.iter().rfind(sets_it) {
            Some(assignment) => (assignment.value.clone(), Some(assignment.line)),
            None => (default.replace("\\s", " "), None),
        }
    }

    fn wrong(&self, key: &dyn AnyKey, text: &str, line: Option<usize>) -> ConfigError {
        ConfigError::Value {
            path: self.source.path().to_owned(),
            line,
            key: key.name(),
            value: key.shown(text),
            allowed: key.allowed(),
        }
    }
}

/// The server that the configuration file of one record (`CFG:`) names, of which these are the bytes. No other key of it
/// counts, and none is even kept: any user may have written it.
///
/// # Errors
/// [`ConfigError`] if they are no text, or one of the keys is wrong.
pub fn server_of(path: &Path, bytes: Vec<u8>) -> Result<ServerSettings, ConfigError> {
    let assignments = last_values(path, &text_of(path, bytes)?, KEYS_OF_A_RECORD)?;
    let source = Source::File(path.to_owned());
    ServerSettings::read_for_record(&Configuration { source, assignments, begins_with_mark: false })
}

fn read_text(path: &Path, file: &File) -> Result<String, ConfigError> {
    let read_error = |source| ConfigError::Read { path: path.to_owned(), source };
    text_of(path, bounded_file::read_all(file, CONFIG_FILE_BYTES).map_err(read_error)?)
}

fn text_of(path: &Path, bytes: Vec<u8>) -> Result<String, ConfigError> {
    let is_utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    let what = if is_utf16 { "UTF-16, not UTF-8 text" } else { "not UTF-8 text" };
    String::from_utf8(bytes).map_err(|_| {
        let source = io::Error::new(io::ErrorKind::InvalidData, what);
        ConfigError::Read { path: path.to_owned(), source }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{Compression, SERVER, ServerApi};

    #[test]
    fn an_explicit_file_is_read_or_its_fault_is_reported() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.conf");
        std::fs::write(&path, "[settings]\nserver=http://localhost:1/\n").unwrap();
        let configuration = Configuration::load(Some(&path)).unwrap();
        assert_eq!(configuration.get(&SERVER).unwrap()[0].with_password(), "http://localhost:1/");
        assert_eq!(configuration.source(), &Source::File(path));

        assert!(matches!(Configuration::load(Some(Path::new("t.conf"))), Err(ConfigError::Relative(_))));
        let read = |path: &Path| match Configuration::load(Some(path)) {
            Err(ConfigError::Read { source, .. }) => source.kind(),
            other => panic!("{other:?}"),
        };
        assert_eq!(read(dir.path()), io::ErrorKind::InvalidInput);
        assert_eq!(read(&dir.path().join("none")), io::ErrorKind::NotFound);
        let large = dir.path().join("large");
        std::fs::write(&large, " ".repeat(CONFIG_FILE_BYTES as usize + 1)).unwrap();
        assert_eq!(read(&large), io::ErrorKind::FileTooLarge);
        let binary = dir.path().join("binary");
        std::fs::write(&binary, [0xff, 0xfe]).unwrap();
        assert_eq!(read(&binary), io::ErrorKind::InvalidData);
    }

    #[test]
    fn only_the_servers_keys_of_a_records_configuration_count() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.conf");
        let text = "[settings]\nserver=http://h/v3/collector\nspool_dir=wrong\nserver_api=v2\n\
                    server_compression=gzip\n[other]\nserver=ftp://h/\n";
        std::fs::write(&path, text).unwrap();
        let server = server_of(&path, std::fs::read(&path).unwrap()).unwrap();
        assert_eq!((server.url.with_password(), server.api), ("http://h/v3/collector", ServerApi::V3));
        assert_eq!(server.compression, Compression::Off);
    }

    #[test]
    fn of_a_strangers_file_no_key_is_kept_and_no_nearest_name_looked_for() {
        let long = "spool_di".repeat(7000);
        let text = format!("[settings]\nserver=http://h/\nsever=x\n{long}=1\n");
        let kept = last_values(Path::new("/f.conf"), &text, KEYS_OF_A_RECORD).unwrap();
        assert_eq!(kept.iter().map(|kept| kept.key.as_str()).collect::<Vec<_>>(), ["server"]);
        assert!(server_of(Path::new("/f.conf"), text.clone().into()).is_ok());
        // The general reader, which warns of unknown keys, keeps no more of one than a name may have.
        let all = Configuration::parse(Path::new("/f.conf"), &text).unwrap();
        assert!(all.assignments.iter().all(|kept| kept.key.len() <= crate::limits::KEY_BYTES));
        // Names are compared where warnings are logged, by a crate that this one does not know.
        assert!(!include_str!("../Cargo.toml").contains("strsim"));
    }

    #[test]
    fn lines_without_effect_are_warnings() {
        let text = "cainfo=/x\n[settings]\nspool_dri=/x\ncolour_of_sky=1\nserver=a\nserver=b\n[o]\nk=v\n";
        let configuration = Configuration::parse(Path::new("/f.conf"), text).unwrap();
        assert_eq!(configuration.shown(&SERVER), ("http://b".to_owned(), Some(6)));
        let warnings: Vec<_> = configuration.warnings().iter().map(ToString::to_string).collect();
        assert_eq!(
            warnings,
            [
                "/f.conf:1: `cainfo` stands outside [settings], before any section, and has no effect",
                "/f.conf:3: unknown key `spool_dri`",
                "/f.conf:4: unknown key `colour_of_sky`",
                "/f.conf:6: `server` is set twice; the last one counts",
                "/f.conf:8: `k` stands outside [settings], in [o], and has no effect",
            ]
        );
    }

    #[test]
    fn what_the_c_programs_took_is_taken_with_a_warning() {
        for (key, value, shown, meant) in [
            (
                &SERVER as &dyn AnyKey,
                "h:8080/v2/collector",
                "h:8080/v2/collector",
                "http://h:8080/v2/collector",
            ),
            (&SERVER, "user:secret@h/", "...@h/", "http://h/"),
            (&keys::SPOOL_MAX_SIZE, "5120KB", "5120KB", "5120"),
            (&keys::SPOOL_MAX_SIZE, "100 # comment", "100 # comment", "100"),
            (&keys::SPOOL_MAX_SIZE, "-5", "-5", "-1"),
            (&keys::CRASH_BURST_LIMIT, "-2", "-2", "-1"),
            (&keys::RECYCLING_IDLE_TIME, "300s", "300s", "300"),
        ] {
            let name = key.name();
            let text = format!("[settings]\n{name}={value}\n");
            let configuration = Configuration::parse(Path::new("/f.conf"), &text).unwrap();
            assert!(configuration.check(key).is_ok(), "{name}={value}");
            assert_eq!(configuration.shown(key), (meant.to_owned(), Some(2)));
            let keys = [
                &SERVER as &'static dyn AnyKey,
                &keys::SPOOL_MAX_SIZE,
                &keys::CRASH_BURST_LIMIT,
                &keys::RECYCLING_IDLE_TIME,
            ];
            let warnings = configuration.taken_otherwise(keys);
            assert_eq!(warnings.len(), 1);
            assert_eq!(
                warnings[0].to_string(),
                format!("/f.conf:2: {name}={shown} is taken as {name}={meant}")
            );
        }
        for (key, value) in [
            (&SERVER as &dyn AnyKey, "http:/h"),
            (&SERVER, "https:h"),
            (&SERVER, "/path"),
            (&SERVER, "two words"),
            (&keys::SPOOL_MAX_SIZE, "soon"),
            (&keys::SPOOL_MAX_SIZE, "99999999999KB"),
            (&keys::RECYCLING_IDLE_TIME, "-5"),
            (&keys::RECYCLING_IDLE_TIME, "0s"),
        ] {
            let text = format!("[settings]\n{}={value}\n", key.name());
            let configuration = Configuration::parse(Path::new("/f.conf"), &text).unwrap();
            assert!(configuration.check(key).is_err(), "{}={value}", key.name());
        }
    }

    #[test]
    fn a_wrong_value_names_file_line_key_and_what_is_allowed() {
        let text = "[settings]\nserver=ftp://user:secret@h/\nrecycling_idle_time=0\n";
        let configuration = Configuration::parse(Path::new("/f.conf"), text).unwrap();
        let error = configuration.get(&SERVER).unwrap_err();
        assert_eq!(error.to_string(), "/f.conf:2: server=...@h/: must be an http:// or https:// URL");
        assert!(!format!("{error:?}").contains("secret"));
        let error = configuration.check(&keys::RECYCLING_IDLE_TIME).unwrap_err().to_string();
        assert_eq!(error, "/f.conf:3: recycling_idle_time=0: must be 1 to 86400 seconds");
        assert!(configuration.check(&keys::SPOOL_DIR).is_ok());
    }

    #[test]
    fn default_paths_are_those_of_the_contract() {
        if env!("TELEMETRICS_SYSCONFDIR") == "/etc" && env!("TELEMETRICS_LOCALSTATEDIR") == "/var" {
            for (key, path) in [
                (&keys::ETC_DIR, "/etc/telemetrics"),
                (&keys::SPOOL_DIR, "/var/spool/telemetry"),
                (&keys::STATE_DIR, "/var/lib/telemetry"),
                (&keys::LOG_DIR, "/var/log/telemetry"),
                (&keys::CACHE_DIR, "/var/cache/telemetry"),
            ] {
                assert_eq!(key.default, path);
            }
        }
    }
}
