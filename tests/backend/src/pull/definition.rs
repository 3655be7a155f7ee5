//! `[pull NAME]`: a machine that is asked, or several.
//!
//! ```text
//!  [pull web{01..40}]                        one range, repeated by {} in the values
//!  url = https://web{}.example.org:9899
//!  ca = /etc/telem-collector/machines.pem    or fingerprint =
//!  kind = json                               or soap, with client, server, service
//!  interval = 300
//!  group = web
//!  id = 0123456789abcdef0123456789abcdef     a static machine id
//! ```

use std::collections::HashMap;
use std::path::PathBuf;

use telemetry_trust::Fingerprint;
use telemetry_xroad::identifier::{ClientId, Member, ServerId};
use telemetry_xroad::names::SERVICE_CODE;

use super::url::Url;
use crate::samples::MachineKey;
use crate::sections::{self, Key, LineFault, Names, Section, nearest};

/// Machines in all.
pub const MAX_MACHINES: usize = 20_000;

/// Bytes of the name of a machine.
const MAX_NAME_BYTES: usize = 64;

/// Bytes of the name of a group.
const MAX_GROUP_BYTES: usize = 64;

/// Bytes of a machine id, as records have it.
const MAX_ID_BYTES: usize = 32;

/// Seconds between two questions.
const INTERVALS: std::ops::RangeInclusive<u64> = 10..=86_400;

const DEFAULT_INTERVAL_SECS: u64 = 300;

const KEYS: [&str; 10] =
    ["url", "kind", "fingerprint", "ca", "interval", "group", "id", "client", "service", "server"];

/// A machine that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name here.
    pub name: String,
    /// Where it is asked.
    pub url: Url,
    /// By what it is known.
    pub known_by: KnownBy,
    /// What is asked.
    pub question: Question,
    /// Seconds between two questions.
    pub interval_secs: u64,
    /// The group that it belongs to.
    pub group: Option<String>,
    /// The id under which it sends records, where that stays the same.
    pub id: Option<String>,
    /// The line of its section.
    pub line: usize,
}

/// By what a machine is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnownBy {
    /// Its certificate.
    Fingerprint(Fingerprint),
    /// A certificate by authorities of this file, with its host's name.
    Authorities(PathBuf),
    /// It is this machine.
    Here,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// `GET /v1/environment`; the machine has to say that it is this server, if one is named.
    Json(Option<ServerId>),
    /// `getSecurityServerMetrics`.
    Soap(Box<Soap>),
}

/// Whom X-Road is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Soap {
    /// Who asks.
    pub client: ClientId,
    /// The owner of the server, who has the service.
    pub owner: Member,
    /// Which server of that owner; none: whichever answers.
    pub server: Option<ServerId>,
}

impl Definition {
    /// Whether it is asked by X-Road's words.
    #[must_use]
    pub fn is_by_soap(&self) -> bool {
        matches!(self.question, Question::Soap(_))
    }

    /// By which tables know it.
    #[must_use]
    pub fn machine(&self) -> MachineKey {
        match &self.id {
            Some(id) => MachineKey::Id(id.clone()),
            None => MachineKey::Pulled(self.name.clone()),
        }
    }
}

/// All machines that a configuration defines, by their names.
///
/// # Errors
/// The first line that is wrong.
pub fn definitions(text: &str) -> Result<Vec<Definition>, LineFault> {
    let mut all = Vec::new();
    let mut lines: HashMap<String, usize> = HashMap::new();
    let mut ids: HashMap<String, usize> = HashMap::new();
    for section in sections::read(text)? {
        let Some(name) = section.about("pull") else { continue };
        for definition in of_section(name, &section)? {
            if let Some(line) = lines.insert(definition.name.clone(), section.line) {
                let what = format!(
                    "[pull {}] is there already, in line {line}; give it another name",
                    definition.name
                );
                return Err(LineFault::new(section.line, what));
            }
            if let Some(id) = &definition.id
                && let Some(line) = ids.insert(id.clone(), section.line)
            {
                let what = format!(
                    "[pull {}]: another [pull], in line {line}, has id={id} too; two machines have two",
                    definition.name
                );
                return Err(LineFault::new(section.line, what));
            }
            if all.len() == MAX_MACHINES {
                let what =
                    format!("more than {MAX_MACHINES} machines; let another collector ask some of them");
                return Err(LineFault::new(section.line, what));
            }
            all.push(definition);
        }
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(all)
}

fn of_section(name: &str, section: &Section<'_>) -> Result<Vec<Definition>, LineFault> {
    let fault = |what: &dyn std::fmt::Display| LineFault::new(section.line, format!("[pull {name}]: {what}"));
    let names = Names::read(name).map_err(|wrong| fault(&wrong))?;
    let values = Values::new(section, names.has_range())?;
    names
        .each()
        .map(|(name, number)| {
            check_name(&name).map_err(|wrong| fault(&wrong))?;
            values.definition(name, number.as_deref())
        })
        .collect()
}

fn check_name(name: &str) -> Result<(), String> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.bytes().all(is_good) {
        return Err(format!("a name is 1 to {MAX_NAME_BYTES} of A-Z a-z 0-9 . - _, such as [pull web01]"));
    }
    Ok(())
}

/// The values of a section, before `{}` is replaced.
struct Values<'a> {
    section: &'a Section<'a>,
    keys: HashMap<&'a str, Key<'a>>,
}

impl<'a> Values<'a> {
    fn new(section: &'a Section<'a>, has_range: bool) -> Result<Self, LineFault> {
        let mut keys = HashMap::new();
        for key in &section.keys {
            let fault = |what: String| Err(LineFault::new(key.line, format!("{}: {what}", key.name)));
            if !KEYS.contains(&key.name) {
                let nearest = nearest(key.name, KEYS.into_iter());
                let nearest = nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
                return fault(format!("[pull] has no such key{nearest}"));
            }
            if key.value.contains("{}") && !has_range {
                return fault("{} stands for a range in the name, such as [pull web{01..40}]".to_owned());
            }
            if let Some(Key { line, .. }) = keys.insert(key.name, *key) {
                return fault(format!("it is there already, in line {line}; leave one of them"));
            }
        }
        Ok(Self { section, keys })
    }

    fn definition(&self, name: String, number: Option<&str>) -> Result<Definition, LineFault> {
        let url = self.read("url", number, |text| Url::read(text).map_err(|wrong| wrong.to_string()))?;
        let url = url.ok_or_else(|| self.missing("url=https://HOST:PORT is missing"))?;
        let known_by = self.known_by(&url, number)?;
        let question = self.question(number)?;
        let interval_secs = self.read("interval", number, interval)?.unwrap_or(DEFAULT_INTERVAL_SECS);
        let (group, id) = (self.read("group", number, group)?, self.read("id", number, machine_id)?);
        let line = self.section.line;
        Ok(Definition { name, url, known_by, question, interval_secs, group, id, line })
    }

    /// A key that is not empty, as it is read; a fault has its line.
    fn read<T>(
        &self,
        name: &str,
        number: Option<&str>,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, LineFault> {
        let Some(key) = self.keys.get(name).filter(|key| !key.value.is_empty()) else { return Ok(None) };
        let value = key.value.replace("{}", number.unwrap_or("{}"));
        let read = read(&value);
        read.map(Some).map_err(|what| {
            let value = crate::record::quoted(&value);
            LineFault::new(key.line, format!("{name}={value}: {what}"))
        })
    }

    fn missing(&self, what: &str) -> LineFault {
        LineFault::new(self.section.line, format!("[{}]: {what}", self.section.name))
    }

    fn known_by(&self, url: &Url, number: Option<&str>) -> Result<KnownBy, LineFault> {
        let fingerprint = self.read("fingerprint", number, |text| {
            text.parse::<Fingerprint>().map_err(|wrong| format!("{wrong}"))
        })?;
        let authorities = self.read("ca", number, absolute_path)?;
        match (url.is_tls(), fingerprint, authorities) {
            (true, Some(fingerprint), None) => Ok(KnownBy::Fingerprint(fingerprint)),
            (true, None, Some(path)) => Ok(KnownBy::Authorities(path)),
            (true, None, None) => Err(self.missing(
                "fingerprint= is missing, by which the machine is known (`telemctl pull` shows it there), or ca=FILE",
            )),
            (true, Some(_), Some(_)) => Err(self.missing("give fingerprint= or ca=, not both")),
            (false, None, None) => Ok(KnownBy::Here),
            (false, ..) => Err(self.missing("fingerprint= and ca= are for https://; leave them out")),
        }
    }

    fn question(&self, number: Option<&str>) -> Result<Question, LineFault> {
        let is_soap = self.read("kind", number, |text| match text {
            "json" => Ok(false),
            "soap" => Ok(true),
            _ => Err("must be json or soap".to_owned()),
        })?;
        let server = self.read("server", number, |text| {
            text.parse::<ServerId>().map_err(|()| "must be INSTANCE/CLASS/CODE/SERVER".to_owned())
        })?;
        let client = self.read("client", number, |text| {
            let wrong = "must be INSTANCE/CLASS/CODE or INSTANCE/CLASS/CODE/SUBSYSTEM";
            text.parse::<ClientId>().map_err(|()| wrong.to_owned())
        })?;
        let service = self.read("service", number, service)?;
        if is_soap != Some(true) {
            return match (client, service) {
                (None, None) => Ok(Question::Json(server)),
                _ => Err(self.missing("client= and service= are for kind=soap; leave them out, or set that")),
            };
        }
        let client = client.ok_or_else(|| {
            self.missing("client=INSTANCE/CLASS/CODE is missing, who asks in the words of X-Road")
        })?;
        let owner = match (service, &server) {
            (Some(owner), Some(server)) if owner != server.owner => {
                return Err(
                    self.missing("service= and server= are of different owners; server= alone will do")
                );
            }
            (Some(owner), _) => owner,
            (None, Some(server)) => server.owner.clone(),
            (None, None) => {
                return Err(self.missing("server=INSTANCE/CLASS/CODE/SERVER is missing, which is asked"));
            }
        };
        Ok(Question::Soap(Box::new(Soap { client, owner, server })))
    }
}

fn interval(text: &str) -> Result<u64, String> {
    text.parse().ok().filter(|secs| INTERVALS.contains(secs)).ok_or_else(|| {
        format!("must be a number of seconds from {} to {}", INTERVALS.start(), INTERVALS.end())
    })
}

fn group(text: &str) -> Result<String, String> {
    let is_good = text.len() <= MAX_GROUP_BYTES && !text.contains(char::is_control);
    is_good.then(|| text.to_owned()).ok_or_else(|| format!("must be at most {MAX_GROUP_BYTES} bytes of text"))
}

fn machine_id(text: &str) -> Result<String, String> {
    let is_good = text.len() <= MAX_ID_BYTES && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_good.then(|| text.to_owned()).ok_or_else(|| {
        format!("must be the static machine id under which it sends records, at most {MAX_ID_BYTES} letters and digits")
    })
}

fn absolute_path(text: &str) -> Result<PathBuf, String> {
    text.starts_with('/').then(|| text.into()).ok_or_else(|| "must be an absolute path".to_owned())
}

/// The owner, with or without the one service that there is.
fn service(text: &str) -> Result<Member, String> {
    let wrong = || format!("must be INSTANCE/CLASS/CODE of the server's owner, or that with /{SERVICE_CODE}");
    let owner = text.strip_suffix(SERVICE_CODE).and_then(|owner| owner.strip_suffix('/')).unwrap_or(text);
    owner.parse().map_err(|()| wrong())
}

#[cfg(test)]
mod tests;
