//! An answer, in pieces: the lists of a large machine are 17 MB, which nobody has to hold.

use super::DECLARATION;
use super::metrics::Writer;
use super::request::{Request, Wanted};
use crate::access::Extent;
use crate::environment::{Environment, iso_seconds};
use crate::limits::PIECE_BYTES;
use crate::window;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use telemetry_sensors::packages::Package;
use telemetry_sensors::process_list::Process;
use telemetry_xroad::identifier::ServerId;
use telemetry_xroad::names::MONITORING;

/// What is left of it to be written.
pub struct Answer {
    prefix: String,
    sections: VecDeque<Section>,
}

/// A stretch of it.
enum Section {
    Text(String),
    Processes { list: Arc<[Process]>, next: usize, has_arguments: bool, time: StartTime },
    Packages { list: Arc<[Package]>, next: usize },
}

impl Answer {
    /// The answer to a request that may have this much.
    pub fn new(request: &Request, server: &ServerId, environment: &Environment, extent: Extent) -> Self {
        let mut answer = Building {
            prefix: &request.echo.prefix,
            sections: VecDeque::new(),
            writer: Writer::new(&request.echo.prefix),
        };
        answer.text(&[DECLARATION, &request.echo.before]);
        let Some((namespace, name)) = name_of_namespace(&request.echo.prefix) else { return answer.done() };
        answer.text(&[
            "<",
            &request.echo.prefix,
            "getSecurityServerMetricsResponse ",
            namespace,
            name,
            "=\"",
            MONITORING,
            "\">",
        ]);
        answer.writer.open_set(&server.to_string());
        answer.writer.string("proxyVersion", environment.version);
        answer.system(environment, &request.wanted, extent);
        answer.writer.close_set();
        answer.writer.close("getSecurityServerMetricsResponse");
        answer.text(&[&request.echo.after, "\n"]);
        answer.done()
    }

    /// All of it, for who wants it at once.
    pub fn into_text(self) -> String {
        self.flat_map(String::from_utf8).collect()
    }
}

/// How a prefix is declared: `xmlns` or `xmlns:` and its name.
fn name_of_namespace(prefix: &str) -> Option<(&'static str, &str)> {
    match prefix {
        "" => Some(("xmlns", "")),
        prefix => Some(("xmlns:", prefix.strip_suffix(':')?)),
    }
}

struct Building<'a> {
    prefix: &'a str,
    sections: VecDeque<Section>,
    writer: Writer<'a>,
}

impl Building<'_> {
    fn text(&mut self, parts: &[&str]) {
        self.writer.text.extend(parts.iter().copied());
    }

    /// Ends the text so far.
    fn cut(&mut self) {
        let text = std::mem::take(&mut self.writer.text);
        self.sections.push_back(Section::Text(text));
    }

    fn done(mut self) -> Answer {
        self.cut();
        Answer { prefix: self.prefix.to_owned(), sections: self.sections }
    }

    /// The set that may be filtered; without anything in it there is none, which would not be valid.
    fn system(&mut self, environment: &Environment, wanted: &Wanted, extent: Extent) {
        let has = |name: &str| {
            let is_allowed =
                extent == Extent::Everything || matches!(name, "Certificates" | "OperatingSystem");
            is_allowed && wanted.has(name)
        };
        let begin = self.writer.text.len();
        self.writer.open_set("systemMetrics");
        let empty = self.writer.text.len();
        if has("Certificates") {
            self.certificates(environment);
        }
        for (name, value) in single_values(environment).iter().filter(|(name, _)| has(name)) {
            self.writer.guessed(name, value);
        }
        let histograms: BTreeMap<_, _> = window::NAMES.iter().zip(&environment.windows).collect();
        for (name, summary) in histograms.into_iter().filter(|(name, _)| has(name)) {
            self.writer.histogram(name, summary, &environment.time);
        }
        if self.writer.text.len() == empty && !has("Processes") && !has("Xroad Processes") && !has("Packages")
        {
            self.writer.text.truncate(begin);
            return;
        }
        let has_lists = self.lists(environment, has);
        if self.writer.text.len() == empty && !has_lists {
            self.writer.text.truncate(begin);
            return;
        }
        self.writer.close_set();
    }

    /// Whether there is any.
    fn lists(&mut self, environment: &Environment, has: impl Fn(&str) -> bool) -> bool {
        let all = environment.processes.clone().unwrap_or_default();
        let own: Arc<[Process]> = all.iter().filter(|process| process.arguments.is_some()).cloned().collect();
        let mut has_any = false;
        for (name, list, has_arguments) in [("Processes", all, false), ("Xroad Processes", own, true)] {
            if has(name) && !list.is_empty() {
                let time = StartTime { now: environment.timestamp(), zone: TimeZone::system() };
                self.list(name, Section::Processes { list, next: 0, has_arguments, time });
                has_any = true;
            }
        }
        let packages = environment.packages.clone().unwrap_or_default();
        if has("Packages") && !packages.is_empty() {
            self.list("Packages", Section::Packages { list: packages, next: 0 });
            has_any = true;
        }
        has_any
    }

    fn list(&mut self, name: &str, section: Section) {
        self.writer.open_set(name);
        self.cut();
        self.sections.push_back(section);
        self.writer.close_set();
    }

    /// Equal ones are one.
    fn certificates(&mut self, environment: &Environment) {
        let mut certificates: Vec<_> = environment.certificates.iter().collect();
        certificates.sort_by_key(|certificate| (certificate.fingerprint.to_string(), certificate.kind));
        certificates.dedup_by_key(|certificate| (certificate.fingerprint, certificate.kind));
        if certificates.is_empty() {
            return;
        }
        self.writer.open_set("Certificates");
        for certificate in certificates {
            let hash = certificate.fingerprint.to_string();
            self.writer.open_set(&format!("certificate-{hash}"));
            self.writer.string("sha1Hash", &hash);
            self.writer.string("notBefore", &iso_seconds(certificate.not_before_unix_secs));
            self.writer.string("notAfter", &iso_seconds(certificate.not_after_unix_secs));
            self.writer.string("certificateType", certificate.kind.word());
            let is_active = certificate.is_valid_at(environment.timestamp().as_second());
            self.writer.string("active", if is_active { "true" } else { "false" });
            self.writer.close_set();
        }
        self.writer.close_set();
    }
}

/// Those that are known, sorted by name.
fn single_values(environment: &Environment) -> BTreeMap<&'static str, String> {
    let number = |value: Option<u64>| value.map(|value| value.to_string());
    let root = environment.root;
    [
        ("DiskSpaceFree_/", number(root.map(|root| root.free_bytes))),
        ("DiskSpaceTotal_/", number(root.map(|root| root.total_bytes))),
        ("MaxFileDescriptorCount", number(environment.own.max_open_files)),
        ("OperatingSystem", environment.operating_system.clone()),
        ("TotalPhysicalMemory", number(environment.memory.total)),
        ("TotalSwapSpace", number(environment.memory.swap_total)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

/// How ps(1) says when a process was started.
struct StartTime {
    now: Timestamp,
    zone: TimeZone,
}

impl StartTime {
    /// `09:42` of today, `Nov26` of this year, else the year.
    fn word(&self, unix_secs: u64) -> String {
        let start = i64::try_from(unix_secs).ok().and_then(|secs| Timestamp::from_second(secs).ok());
        let start = start.unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(self.zone.clone());
        let now = self.now.to_zoned(self.zone.clone());
        let format = match () {
            () if start.date() == now.date() => "%H:%M",
            () if start.year() == now.year() => "%b%d",
            () => "%Y",
        };
        start.strftime(format).to_string()
    }
}

/// Pieces of some size.
impl Iterator for Answer {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let Self { prefix, sections } = self;
        let mut writer = Writer::new(prefix);
        while writer.text.len() < PIECE_BYTES {
            let Some(section) = sections.front_mut() else { break };
            if !section.write(&mut writer) {
                sections.pop_front();
            }
        }
        (!writer.text.is_empty()).then(|| writer.text.into_bytes())
    }
}

impl Section {
    /// Writes some of it; whether there is more.
    fn write(&mut self, writer: &mut Writer<'_>) -> bool {
        match self {
            Self::Text(text) => {
                writer.text.push_str(text);
                false
            }
            Self::Processes { list, next, has_arguments, time } => {
                let Some(process) = list.get(*next) else { return false };
                write_process(writer, process, *has_arguments, time);
                *next += 1;
                true
            }
            Self::Packages { list, next } => {
                let Some(package) = list.get(*next) else { return false };
                writer.guessed(&package.name, &package.version);
                *next += 1;
                true
            }
        }
    }
}

fn write_process(writer: &mut Writer<'_>, process: &Process, has_arguments: bool, time: &StartTime) {
    let arguments = process.arguments.as_ref().filter(|arguments| has_arguments && !arguments.is_empty());
    let pid = process.pid.to_string();
    writer.open_set(&pid);
    for (name, value) in [
        ("processId", pid.as_str()),
        ("command", arguments.unwrap_or(&process.command)),
        ("cpuLoad", &format!("{:.1}", process.cpu_percent)),
        ("memUsed", &format!("{:.1}", process.memory_percent)),
        ("startTime", &time.word(process.start_unix_secs)),
        ("userId", &process.user),
    ] {
        writer.guessed(name, &value.replace('\'', ""));
    }
    writer.close_set();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_as_ps_says_them() {
        let now = "2026-11-27T12:00:00Z".parse().unwrap();
        let time = StartTime { now, zone: TimeZone::UTC };
        for (start, expected) in [
            ("2026-11-27T09:42:10Z", "09:42"),
            ("2026-11-26T23:59:59Z", "Nov26"),
            ("2025-12-31T00:00:00Z", "2025"),
        ] {
            let start: Timestamp = start.parse().unwrap();
            assert_eq!(time.word(start.as_second() as u64), expected);
        }
    }
}
