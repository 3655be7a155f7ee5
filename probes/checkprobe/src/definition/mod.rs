//! Checks as an administrator defines them: `ETC_DIR/checks.d/*.conf`, a section a check.
//!
//! ```text
//! [disk-root]
//! kind=disk
//! path=/
//! warning=10:
//! critical=5:
//! ```
//!
//! What is wrong is named by file and line, and its section does not run; the others do.

mod dependencies;
mod files;
mod kind;
mod section;
#[cfg(test)]
mod tests;

pub use files::{File, read};
pub use kind::{CertificateOf, DeliveryMeasure, DiskMeasure, FileMeasure, Kind};

use crate::range::Range;
use section::Section;
use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// Checks that are run.
pub const CHECKS: usize = 256;

/// Longest name, in bytes.
const NAME_BYTES: usize = 40;

/// Results in a row that a change may need, up to which a definition may ask for.
const ATTEMPTS: u64 = 100;

/// Longest interval and timeout, in seconds.
const DAY_SECS: u64 = 86_400;

/// A check.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// Its name, which distinguishes it from all others of the machine.
    pub name: String,
    /// What is measured.
    pub kind: Kind,
    /// Values outside of it are a warning.
    pub warning: Option<Range>,
    /// Values outside of it are critical, whatever `warning` says.
    pub critical: Option<Range>,
    /// Time between two runs.
    pub interval: Duration,
    /// The same while results differ from the state.
    pub retry: Duration,
    /// How long a run may take.
    pub timeout: Duration,
    /// Results in a row that change the state.
    pub attempts: u32,
    /// Checks without which this one says nothing.
    pub depends: Vec<String>,
    /// Time between two reminders of a state that is not OK; none: there is none.
    pub reminder: Option<Duration>,
    /// Whether the first line of output leaves the machine.
    pub has_output: bool,
    /// A word to group it by.
    pub group: Option<String>,
}

/// What is wrong with a definition, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file's name.
    pub file: String,
    /// Which line of it; 0: the file as a whole.
    pub line: usize,
    /// What.
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.text),
            line => write!(f, "{}:{line}: {}", self.file, self.text),
        }
    }
}

/// The checks of these files, in their order, and what is wrong with others.
pub fn parse(files: &[File]) -> (Vec<Definition>, Vec<Fault>) {
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    let mut names = HashSet::new();
    let sections: Vec<_> = files.iter().flat_map(|file| section::sections(file, &mut faults)).collect();
    for section in sections {
        let fault = |line, text: String| Fault { file: section.file.clone(), line, text };
        if !names.insert(section.name.clone()) {
            faults.push(fault(section.line, format!("[{}] is there twice; the first counts", section.name)));
        } else if found.len() >= CHECKS {
            faults.push(fault(
                section.line,
                format!("[{}]: there are more than {CHECKS} checks", section.name),
            ));
        } else {
            match definition(&section) {
                Ok(definition) => found.push((definition, section)),
                Err((line, text)) => faults.push(fault(line, format!("[{}]: {text}", section.name))),
            }
        }
    }
    let definitions = dependencies::resolve(found, &mut faults);
    (definitions, faults)
}

/// The programs of plugins, each with the fault that it is where it cannot be started; what that is, the caller finds out.
pub fn programs(files: &[File], definitions: &[Definition]) -> Vec<(PathBuf, Fault)> {
    let sections: Vec<_> = files.iter().flat_map(|file| section::sections(file, &mut Vec::new())).collect();
    let program = |definition: &Definition| {
        let Kind::Plugin(command) = &definition.kind else { return None };
        let program = command.first()?;
        let section = sections.iter().find(|section| section.name == definition.name)?;
        let (file, line) = (section.file.clone(), section.line_of("command"));
        Some((program.into(), Fault { file, line, text: format!("[{}]: {program}", definition.name) }))
    };
    definitions.iter().filter_map(program).collect()
}

type Wrong = (usize, String);

fn definition(section: &Section) -> Result<Definition, Wrong> {
    if !is_name(&section.name) {
        return Err((section.line, format!("a name is 1 to {NAME_BYTES} of a-z, 0-9 and -")));
    }
    let mut keys = section.keys()?;
    let kind = Kind::take(&mut keys)?;
    let interval = keys.number("interval", 10..=DAY_SECS)?.unwrap_or(300);
    let definition = Definition {
        name: section.name.clone(),
        kind,
        warning: keys.parsed("warning")?,
        critical: keys.parsed("critical")?,
        interval: Duration::from_secs(interval),
        retry: Duration::from_secs(keys.number("retry", 1..=DAY_SECS)?.unwrap_or(60).min(interval)),
        timeout: Duration::from_secs(keys.number("timeout", 1..=3600)?.unwrap_or(10)),
        attempts: u32::try_from(keys.number("attempts", 1..=ATTEMPTS)?.unwrap_or(3)).unwrap_or(1),
        depends: keys.text("depends").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        reminder: match keys.number("reminder", 0..=8760)?.unwrap_or(24) {
            0 => None,
            hours => Some(Duration::from_secs(hours * 3600)),
        },
        has_output: keys.switch("output")?.unwrap_or(true),
        group: keys.text("group").filter(|group| !group.is_empty()),
    };
    keys.end()?;
    Ok(definition)
}

/// Whether this may be a check's name.
pub fn is_name(name: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=NAME_BYTES).contains(&name.len()) && name.bytes().all(is_known)
}

/// The keys of a section, each taken once, so that what is left is unknown.
struct Keys {
    line: usize,
    left: Vec<(String, String, usize)>,
}

impl Keys {
    fn take(&mut self, name: &str) -> Option<(String, usize)> {
        let place = self.left.iter().position(|(key, ..)| key == name)?;
        let (_, value, line) = self.left.remove(place);
        Some((value, line))
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.take(name).map(|(value, _)| value)
    }

    fn needed(&mut self, name: &str) -> Result<(String, usize), Wrong> {
        let missing = (self.line, format!("{name}= is missing"));
        self.take(name).filter(|(value, _)| !value.is_empty()).ok_or(missing)
    }

    fn number(&mut self, name: &str, range: std::ops::RangeInclusive<u64>) -> Result<Option<u64>, Wrong> {
        let Some((value, line)) = self.take(name) else { return Ok(None) };
        let number = value.parse().ok().filter(|number| range.contains(number));
        let wrong = || (line, format!("{name}={value}: must be {} to {}", range.start(), range.end()));
        number.map(Some).ok_or_else(wrong)
    }

    fn parsed<T: FromStr<Err: fmt::Display>>(&mut self, name: &str) -> Result<Option<T>, Wrong> {
        let Some((value, line)) = self.take(name).filter(|(value, _)| !value.is_empty()) else {
            return Ok(None);
        };
        value.parse().map(Some).map_err(|error| (line, format!("{name}={value}: {error}")))
    }

    fn switch(&mut self, name: &str) -> Result<Option<bool>, Wrong> {
        let Some((value, line)) = self.take(name) else { return Ok(None) };
        match value.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(Some(true)),
            "false" | "0" => Ok(Some(false)),
            _ => Err((line, format!("{name}={value}: must be true, false, 1 or 0"))),
        }
    }

    /// One of these words; the first where the key is not there.
    fn choice<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, Wrong> {
        let Some((value, line)) = self.take(name) else { return Ok(words.first().map(|(_, first)| *first)) };
        let found = words.iter().find(|(word, _)| *word == value).map(|(_, found)| *found);
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        found.map(Some).ok_or_else(|| (line, format!("{name}={value}: must be one of {}", known.join(", "))))
    }

    fn end(self) -> Result<(), Wrong> {
        match self.left.into_iter().next() {
            Some((key, _, line)) => Err((line, format!("{key}= is unknown, or not of this kind"))),
            None => Ok(()),
        }
    }
}
