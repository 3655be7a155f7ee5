//! Names and times of the queue's files, of which there are many through an outage: 32 bytes each, under a number by which all
//! else knows the file, and an index of the names with 8 more.

use super::file_name::FileName;
use std::collections::{BTreeSet, HashMap};

/// The number of a file, as long as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Number(u32);

impl Number {
    const FIRST: Number = Number(0);
    const LAST: Number = Number(u32::MAX);

    pub(super) fn to_bytes(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }

    pub(super) fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(u32::from_be_bytes(bytes))
    }

    fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// What a name is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Unused,
    Id,
    IdOfUser,
    Other,
}

/// A file in short.
#[derive(Debug)]
pub(super) struct Slot {
    id: [u8; 16],
    /// When it was written, in nanoseconds since the epoch.
    pub(super) modified_ns: i64,
    user: u32,
    form: Form,
    /// What is known of it besides.
    pub(super) brief: Brief,
}

const _: () = assert!(size_of::<Slot>() == 32);

/// What is known of most files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Brief {
    /// It was not read yet.
    Unread,
    /// It waits for the server with this number alone.
    Waiting(u8),
    /// More than fits here.
    Elsewhere,
}

/// All files that are known.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    unused: Vec<Number>,
    /// By a part of the name.
    index: BTreeSet<(u32, Number)>,
    /// Names that are no ids.
    others: HashMap<Number, Box<[u8]>>,
}

impl Slots {
    /// The number of a file.
    pub(super) fn find(&self, name: &FileName) -> Option<Number> {
        let part = part_of(name);
        let mut alike = self.index.range((part, Number::FIRST)..=(part, Number::LAST));
        alike.find(|(_, number)| self.has_name(*number, name)).map(|(_, number)| *number)
    }

    pub(super) fn get(&self, number: Number) -> Option<&Slot> {
        self.slots.get(number.index())
    }

    pub(super) fn get_mut(&mut self, number: Number) -> Option<&mut Slot> {
        self.slots.get_mut(number.index())
    }

    /// Adds a file that is not known; none if there are four thousand million of them.
    pub(super) fn insert(&mut self, name: FileName, modified_ns: i64) -> Option<Number> {
        let number = match self.unused.pop() {
            Some(number) => number,
            None => Number(u32::try_from(self.slots.len()).ok()?),
        };
        self.index.insert((part_of(&name), number));
        let (id, user, form) = match name {
            FileName::Id(id) => (id, 0, Form::Id),
            FileName::IdOfUser(id, user) => (id, user, Form::IdOfUser),
            FileName::Other(bytes) => {
                self.others.insert(number, bytes);
                ([0; 16], 0, Form::Other)
            }
        };
        let slot = Slot { id, modified_ns, user, form, brief: Brief::Unread };
        match self.slots.get_mut(number.index()) {
            Some(unused) => *unused = slot,
            None => self.slots.push(slot),
        }
        Some(number)
    }

    /// Forgets a file. Its number is given to another one.
    pub(super) fn remove(&mut self, number: Number) {
        if let Some(name) = self.name(number) {
            self.index.remove(&(part_of(&name), number));
            self.others.remove(&number);
            if let Some(slot) = self.get_mut(number) {
                slot.form = Form::Unused;
            }
            self.unused.push(number);
        }
    }

    /// The name of a file.
    pub(super) fn name(&self, number: Number) -> Option<FileName> {
        let slot = self.get(number)?;
        match slot.form {
            Form::Unused => None,
            Form::Id => Some(FileName::Id(slot.id)),
            Form::IdOfUser => Some(FileName::IdOfUser(slot.id, slot.user)),
            Form::Other => self.others.get(&number).cloned().map(FileName::Other),
        }
    }

    /// All files.
    #[cfg(test)]
    pub(super) fn numbers(&self) -> impl Iterator<Item = Number> {
        self.index.iter().map(|(_, number)| *number)
    }

    /// Gives memory back, if no file is known.
    pub(super) fn shrink(&mut self) {
        if self.index.is_empty() {
            *self = Self::default();
        }
    }

    fn has_name(&self, number: Number, name: &FileName) -> bool {
        let Some(slot) = self.get(number) else { return false };
        match name {
            FileName::Id(id) => slot.form == Form::Id && slot.id == *id,
            FileName::IdOfUser(id, user) => {
                slot.form == Form::IdOfUser && slot.id == *id && slot.user == *user
            }
            FileName::Other(bytes) => {
                slot.form == Form::Other && self.others.get(&number).is_some_and(|other| other == bytes)
            }
        }
    }
}

/// A part of a name by which few others are found. Ids are random, so that any part of them is.
fn part_of(name: &FileName) -> u32 {
    let bytes: &[u8] = match name {
        FileName::Id(id) | FileName::IdOfUser(id, _) => id,
        FileName::Other(bytes) => bytes,
    };
    bytes.iter().fold(0, |part: u32, byte| part.rotate_left(7) ^ u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::ffi::OsStr;

    fn name(number: u8) -> FileName {
        match number % 3 {
            0 => FileName::Id([number; 16]),
            1 => FileName::IdOfUser([number / 3; 16], u32::from(number)),
            _ => FileName::from(OsStr::new(&format!("name{number}"))),
        }
    }

    proptest! {
        #[test]
        fn it_is_a_map_from_names(steps in prop::collection::vec((any::<bool>(), any::<u8>(), any::<i64>()), 0..300)) {
            let (mut slots, mut model) = (Slots::default(), BTreeMap::new());
            for (is_insert, number, modified_ns) in steps {
                let name = name(number);
                match (is_insert, slots.find(&name)) {
                    (true, None) => {
                        slots.insert(name.clone(), modified_ns);
                        model.insert(name, modified_ns);
                    }
                    (false, Some(found)) => {
                        slots.remove(found);
                        model.remove(&name);
                    }
                    _ => {}
                }
                let known: BTreeMap<_, _> = slots
                    .numbers()
                    .map(|number| (slots.name(number).unwrap(), slots.get(number).unwrap().modified_ns))
                    .collect();
                prop_assert_eq!(&known, &model);
            }
            for name in model.into_keys() {
                let number = slots.find(&name).unwrap();
                slots.remove(number);
            }
            slots.shrink();
            prop_assert!(slots.slots.is_empty() && slots.others.is_empty());
        }
    }
}
