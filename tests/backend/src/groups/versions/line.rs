//! Lines of versions: what can be compared. Versions of different lines never are.

use super::sort_key::{Order, sort_key};
use crate::groups::kind::Kind;
use crate::groups::reading::{Reading, Record};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

/// What versions can be compared within.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Line {
    /// A package of a system, by its `system_name`.
    Package {
        /// The system.
        system: String,
        /// The package.
        package: String,
    },
    /// The builds of a system.
    Build {
        /// The system.
        system: String,
    },
    /// Kernels, of any system: they are built from the same source.
    Kernel,
}

/// A version on its line.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Version {
    /// Its line.
    pub line: Line,
    /// As it was first seen.
    pub text: String,
    /// The bytes that order it. Equal ones are one version.
    pub key: Vec<u8>,
}

impl Line {
    /// Whose order its versions have.
    #[must_use]
    pub fn order(&self) -> Order {
        match self {
            Self::Package { system, .. } | Self::Build { system } => Order::for_system(system),
            Self::Kernel => Order::Kernel,
        }
    }

    /// A version on this line; none if the text is no version.
    #[must_use]
    pub fn version(&self, text: &str) -> Option<Version> {
        let key = sort_key(text, self.order())?;
        Some(Version { line: self.clone(), text: text.to_owned(), key })
    }
}

/// The version that a record counts for: of the kernel that failed, of the program's package, else the build.
#[must_use]
pub fn version_of(record: &Record<'_>, reading: &Reading) -> Option<Version> {
    let system = record.system_name.to_owned();
    if let Some(kernel) = &reading.kernel_version {
        return Line::Kernel.version(kernel);
    }
    match &reading.package {
        Some((package, version)) => Line::Package { system, package: package.clone() }.version(version),
        None => Line::Build { system }.version(record.build),
    }
}

/// The kernel or build that a machine runs, for rates of its versions: the line of a kind for machines without a failure.
#[must_use]
pub fn version_of_machine(record: &Record<'_>, kind: Kind) -> Option<Version> {
    if kind.has_kernel_version() {
        return Line::Kernel.version(record.kernel_version);
    }
    Line::Build { system: record.system_name.to_owned() }.version(record.build)
}

/// A group's versions on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineSpan {
    /// The lowest, in the line's order.
    pub lowest: Version,
    /// The highest, in the line's order.
    pub highest: Version,
    /// Machine-days on this line.
    pub machine_days: u64,
    /// When the line was last seen, in Unix seconds.
    pub last_seen_secs: i64,
}

/// The span whose versions are a group's `first_version` and `last_version`: of the line with most machines; of those that
/// have as many, the newest.
#[must_use]
pub fn leading_span(spans: &[LineSpan]) -> Option<&LineSpan> {
    spans.iter().max_by_key(|span| (span.machine_days, span.last_seen_secs, Reverse(&span.lowest.line)))
}

impl LineSpan {
    /// Takes a record's version in, late or not. Nothing happens if it is of another line.
    pub fn widen(&mut self, version: &Version) {
        if version.line != self.lowest.line {
            return;
        }
        if version.key < self.lowest.key {
            self.lowest = version.clone();
        }
        if version.key > self.highest.key {
            self.highest = version.clone();
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Package { system, package } => write!(f, "package {system} {package}"),
            Self::Build { system } => write!(f, "build {system}"),
            Self::Kernel => f.write_str("kernel"),
        }
    }
}

/// A text that names no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoLine;

impl fmt::Display for NoLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a line is `package SYSTEM PACKAGE`, `build SYSTEM` or `kernel`")
    }
}

impl std::error::Error for NoLine {}

impl From<Line> for String {
    fn from(line: Line) -> Self {
        line.to_string()
    }
}

impl TryFrom<String> for Line {
    type Error = NoLine;

    fn try_from(text: String) -> Result<Self, NoLine> {
        text.parse()
    }
}

impl FromStr for Line {
    type Err = NoLine;

    fn from_str(text: &str) -> Result<Self, NoLine> {
        if text == "kernel" {
            return Ok(Self::Kernel);
        }
        match text.split_once(' ') {
            Some(("build", system)) => Ok(Self::Build { system: system.to_owned() }),
            Some(("package", names)) => {
                // A package's name has no blanks; a system's may.
                let (system, package) = names.rsplit_once(' ').ok_or(NoLine)?;
                Ok(Self::Package { system: system.to_owned(), package: package.to_owned() })
            }
            _ => Err(NoLine),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::reading::read;

    fn version(classification: &str, payload: &str) -> Option<String> {
        let record = Record {
            classification,
            payload,
            system_name: "debian",
            build: "12",
            kernel_version: "6.1.0-13-amd64",
        };
        version_of(&record, &read(&record).unwrap())
            .map(|version| format!("{}: {}", version.line, version.text))
    }

    #[test]
    fn what_a_record_counts_for() {
        let frames = "#0 f - [m]\n";
        for (class, payload, expected) in [
            (
                "a/crash/clr",
                format!("Process: e\nPackage: editor 1:2.0-3\n{frames}"),
                "package debian editor: 1:2.0-3",
            ),
            ("a/crash/clr", format!("Process: e\n{frames}"), "build debian: 12"),
            ("a/journal/error", "MESSAGE=x\nUNIT=a.service\nPackage: x 1\n".to_owned(), "build debian: 12"),
            ("a/kernel/bug", "Reason: x\nKernel Version : 6.12.6\n".to_owned(), "kernel: 6.12.6"),
            ("a/kernel/bug", "Reason: x\n".to_owned(), "kernel: 6.1.0-13-amd64"),
            ("a/mce/thermal", String::new(), "kernel: 6.1.0-13-amd64"),
        ] {
            assert_eq!(version(class, &payload).as_deref(), Some(expected), "{payload}");
        }
        assert_eq!(
            version("a/crash/clr", &format!("Process: e\nPackage: editor {}\n{frames}", "1".repeat(200))),
            None
        );
    }

    #[test]
    fn lines_have_names() {
        for name in ["kernel", "build debian", "build ", "package fedora_workstation editor"] {
            assert_eq!(name.parse::<Line>().unwrap().to_string(), name);
        }
        let version = Line::Kernel.version("6.1").unwrap();
        let json = serde_json::to_string(&version).unwrap();
        assert_eq!(serde_json::from_str::<Version>(&json).unwrap(), version);
        for text in ["", "builds debian", "package editor", "kernels"] {
            assert_eq!(text.parse::<Line>(), Err(NoLine), "{text}");
        }
    }

    #[test]
    fn the_line_with_most_machines_leads() {
        let span = |system: &str, low: &str, high: &str, machine_days, last_seen_secs| {
            let line = Line::Build { system: system.to_owned() };
            let (lowest, highest) = (line.version(low).unwrap(), line.version(high).unwrap());
            LineSpan { lowest, highest, machine_days, last_seen_secs }
        };
        let spans = [span("a", "1", "9", 5, 1), span("b", "2", "3", 7, 1), span("c", "2", "4", 7, 2)];
        assert_eq!(leading_span(&spans).unwrap().highest.text, "4");
        assert_eq!(leading_span(&[]), None);
        let mut span = span("a", "010", "11", 1, 1);
        for text in ["10", "9", "12"] {
            span.widen(&Line::Build { system: "a".to_owned() }.version(text).unwrap());
        }
        span.widen(&Line::Build { system: "b".to_owned() }.version("99").unwrap());
        assert_eq!((span.lowest.text.as_str(), span.highest.text.as_str()), ("9", "12"));
    }
}
