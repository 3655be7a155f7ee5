//! Machines that have a name: those that are asked, and those of `[machine NAME]`.
//!
//! ```text
//!  [machine mail]                                 NAME may hold one range, as that of [pull NAME]
//!  id = 0123456789abcdef0123456789abcdef          its static machine id; without one it is [pull mail]
//!  group = office
//!  downtime = Sun 02:00-04:00, daily 12:00-12:10  in `time_zone`
//! ```
//!
//! A machine that is asked and has an `id`, and one of `[machine NAME]` with the same id, are one.

use std::collections::{BTreeMap, HashMap};

use super::Downtime;
use crate::samples::MachineKey;
use crate::sections::{self, LineFault, Names, Section, nearest};

/// Machines of `[machine NAME]` in all.
const MAX_MACHINES: usize = 20_000;

/// Bytes of a name, and of that of a group.
const MAX_NAME_BYTES: usize = 64;

/// Bytes of a machine id, as records have it.
const MAX_ID_BYTES: usize = 32;

const KEYS: [&str; 3] = ["id", "group", "downtime"];

/// A machine with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// By which tables know it.
    pub key: MachineKey,
    /// The group that it belongs to.
    pub group: Option<String>,
    /// What is planned every week.
    pub downtime: Downtime,
    /// Seconds between two words, where it is asked.
    pub interval_secs: Option<i64>,
}

/// All machines with a name.
#[derive(Clone, Debug, Default)]
pub struct Roster {
    all: Vec<Named>,
    by_key: HashMap<MachineKey, usize>,
    by_name: HashMap<String, usize>,
}

/// A machine as `[machine NAME]` defines it.
#[derive(Clone, Debug)]
struct Defined {
    name: String,
    line: usize,
    id: Option<String>,
    group: Option<String>,
    downtime: Downtime,
}

impl Roster {
    /// Those of a configuration, with those that it asks.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn new(text: &str, asked: Vec<Named>) -> Result<Self, LineFault> {
        let mut roster = Self::default();
        for machine in asked {
            // Names and ids of these were compared where they were read.
            let name = machine.name.clone();
            let place = roster.place(machine);
            roster.by_name.insert(name, place);
        }
        let mut lines = BTreeMap::new();
        for section in sections::read(text)? {
            let Some(name) = section.about("machine") else { continue };
            for defined in defined(name, &section)? {
                if let Some(line) = lines.insert(defined.name.clone(), defined.line) {
                    return Err(
                        defined.fault(&format!("it is there already, in line {line}; give it another name"))
                    );
                }
                if lines.len() > MAX_MACHINES {
                    return Err(defined.fault(&format!("more than {MAX_MACHINES} machines")));
                }
                roster.add(defined)?;
            }
        }
        Ok(roster)
    }

    /// All, in no order.
    pub fn all(&self) -> impl Iterator<Item = &Named> {
        self.all.iter()
    }

    /// The machine ids of those that have one.
    #[must_use]
    pub fn ids(&self) -> Vec<&str> {
        let id = |named: &Named| matches!(named.key, MachineKey::Id(_));
        self.all.iter().filter(|named| id(named)).map(|named| named.key.text()).collect()
    }

    /// The one that tables know so.
    #[must_use]
    pub fn of_key(&self, key: &MachineKey) -> Option<&Named> {
        self.all.get(*self.by_key.get(key)?)
    }

    /// The one of a name.
    #[must_use]
    pub fn of_name(&self, name: &str) -> Option<&Named> {
        self.all.get(*self.by_name.get(name)?)
    }

    fn place(&mut self, machine: Named) -> usize {
        let place = self.all.len();
        let known = *self.by_key.entry(machine.key.clone()).or_insert(place);
        if known == place {
            self.all.push(machine);
        }
        known
    }

    fn add(&mut self, defined: Defined) -> Result<(), LineFault> {
        let same_name = self.of_name(&defined.name).map(|asked| asked.key.clone());
        let key = match (defined.id.clone().map(MachineKey::Id), same_name) {
            (Some(id), Some(asked)) if id != asked => {
                let wrong = format!("[pull {}] has another id, or none; give both the same", defined.name);
                return Err(defined.fault(&wrong));
            }
            (Some(key), _) | (None, Some(key)) => key,
            (None, None) => {
                let wrong = format!(
                    "id= is missing, and there is no [pull {}] whose machine it could be",
                    defined.name
                );
                return Err(defined.fault(&wrong));
            }
        };
        if self.of_key(&key).is_some_and(|other| other.interval_secs.is_none()) {
            return Err(defined.fault("another [machine NAME] has this id"));
        }
        let Defined { name, group, downtime, .. } = defined;
        let new = Named { name: name.clone(), key, group, downtime, interval_secs: None };
        let place = self.place(new.clone());
        if let Some(kept) = self.all.get_mut(place).filter(|kept| kept.interval_secs.is_some()) {
            // It is asked too: the name and what is planned are said here, and of both groups this one counts.
            (kept.name, kept.downtime) = (new.name, new.downtime);
            kept.group = new.group.or(kept.group.take());
        }
        self.by_name.insert(name, place);
        Ok(())
    }
}

impl Defined {
    fn fault(&self, what: &str) -> LineFault {
        LineFault::new(self.line, format!("[machine {}]: {what}", self.name))
    }
}

/// The machines of a section.
fn defined(name: &str, section: &Section<'_>) -> Result<Vec<Defined>, LineFault> {
    let fault = |what: &str| LineFault::new(section.line, format!("[machine {name:.64}]: {what}"));
    let names = Names::read(name).map_err(|wrong| fault(&wrong.to_string()))?;
    let mut values: HashMap<&str, (usize, &str)> = HashMap::new();
    for key in &section.keys {
        let fault = |what: String| Err(LineFault::new(key.line, format!("{:.64}: {what}", key.name)));
        if !KEYS.contains(&key.name) {
            let nearest = nearest(key.name, KEYS.into_iter());
            let nearest = nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
            return fault(format!("[machine] has no such key{nearest}"));
        }
        if let Some((line, _)) = values.insert(key.name, (key.line, key.value)) {
            return fault(format!("it is there already, in line {line}; leave one of them"));
        }
    }
    let defined = |name: String, number: Option<&str>| {
        let value = |key: &str| {
            let (line, value) = values.get(key).filter(|(_, value)| !value.is_empty())?;
            Some((*line, number.map_or_else(|| (*value).to_owned(), |number| value.replace("{}", number))))
        };
        if !is_name(&name) {
            let wrong =
                format!("a name is 1 to {MAX_NAME_BYTES} of A-Z a-z 0-9 . - _, such as [machine mail]");
            return Err(fault(&wrong));
        }
        let (id, group) =
            (value("id").map(read_id).transpose()?, value("group").map(read_group).transpose()?);
        let read_downtime = |(line, text): (usize, String)| {
            text.parse().map_err(|wrong| LineFault::new(line, format!("downtime: {wrong}")))
        };
        let downtime = value("downtime").map(read_downtime).transpose()?.unwrap_or_default();
        Ok(Defined { name, line: section.line, id, group, downtime })
    };
    names.each().map(|(name, number)| defined(name, number.as_deref())).collect()
}

fn is_name(name: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_good)
}

fn read_id((line, text): (usize, String)) -> Result<String, LineFault> {
    let is_good = text.len() <= MAX_ID_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic());
    let wrong = || {
        format!(
            "id: {text:.40} is no machine id: 1 to {MAX_ID_BYTES} characters; `telemctl status` shows it there"
        )
    };
    if is_good { Ok(text) } else { Err(LineFault::new(line, wrong())) }
}

fn read_group((line, text): (usize, String)) -> Result<String, LineFault> {
    let is_good = text.len() <= MAX_NAME_BYTES && !text.chars().any(char::is_control);
    let wrong = || format!("group: a name has up to {MAX_NAME_BYTES} bytes without control characters");
    if is_good { Ok(text) } else { Err(LineFault::new(line, wrong())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &str, id: Option<&str>) -> Named {
        let key = id.map_or(MachineKey::Pulled(name.into()), |id| MachineKey::Id(id.into()));
        let group = Some("asked".to_owned());
        Named { name: name.into(), key, group, downtime: Downtime::default(), interval_secs: Some(300) }
    }

    #[test]
    fn machines_are_named_and_those_with_one_id_are_one() {
        let text = "[settings]\ntls=true\n[machine mail]\nid=0123\ngroup = office\ndowntime=Sun 02:00-04:00\n\
                    [machine web{1..2}]\nid=id{}\n[machine asked]\ndowntime=daily 01:00-02:00\n[machine renamed]\nid=a2\n";
        let roster = Roster::new(text, vec![asked("asked", None), asked("other", Some("a2"))]).unwrap();
        let mail = roster.of_name("mail").unwrap();
        assert_eq!(
            (mail.key.text(), mail.group.as_deref(), mail.interval_secs),
            ("0123", Some("office"), None)
        );
        assert_ne!(mail.downtime, Downtime::default());
        assert_eq!(roster.of_key(&MachineKey::Id("id2".into())).unwrap().name, "web2");
        let pulled = roster.of_key(&MachineKey::Pulled("asked".into())).unwrap();
        assert_eq!((pulled.group.as_deref(), pulled.interval_secs), (Some("asked"), Some(300)));
        assert_ne!(pulled.downtime, Downtime::default());
        assert_eq!(roster.of_name("other").unwrap().name, "renamed");
        assert_eq!(roster.of_name("renamed"), roster.of_name("other"));
        assert_eq!(roster.all().count(), 5);
        assert_eq!(roster.of_name("nobody"), None);
    }

    #[test]
    fn what_is_wrong_has_its_line() {
        for (text, line, expected) in [
            ("[machine a]\n", 1, "id= is missing, and there is no [pull a]"),
            ("\n[machine a]\nid=\n", 2, "id= is missing"),
            ("[machine ]\nid=1\n", 1, "a name is"),
            ("[machine a b]\nid=1\n", 1, "a name is"),
            ("[machine <b>]\nid=1\n", 1, "a name is"),
            ("[machine a]\nid=1\nidd=2\n", 3, "no such key; did you mean id?"),
            ("[machine a]\nid=1\nid=2\n", 3, "already, in line 2"),
            ("[machine a]\nid=1\n[machine a]\nid=2\n", 3, "already, in line 1"),
            ("[machine a]\nid=1\n[machine b]\nid=1\n", 3, "another [machine NAME] has this id"),
            ("[machine a{1..3}]\nid=1\n", 1, "another [machine NAME] has this id"),
            ("[machine a]\nid=0123456789abcdef0123456789abcdef0\n", 2, "is no machine id"),
            ("[machine a]\nid=1\ndowntime=Sun\n", 3, "downtime: Sun: is no day and times"),
            ("[machine a{3..1}]\nid={}\n", 1, "smaller number"),
            ("[machine asked]\nid=1\n", 1, "another id, or none"),
            ("[machine a]\nid\n", 2, "KEY=VALUE"),
        ] {
            let fault = Roster::new(text, vec![asked("asked", None)]).unwrap_err();
            assert_eq!(fault.line, line, "{text}: {fault}");
            assert!(fault.to_string().contains(expected), "{text}: {fault}");
        }
    }
}
