//! The orders of the queue's files: which are unread, and which wait for each server, the next one first.

use super::lane::{LaneId, LaneSet};
use super::slots::Number;
use std::collections::BTreeSet;

/// In which orders a file stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Standing {
    Unread,
    Waiting(LaneSet),
    Nowhere,
}

/// Where a file stands in an order, as bytes that compare so: how often it was put back, when it was written, its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key([u8; 14]);

impl Key {
    pub(super) fn new(put_back: u16, modified_ns: i64, number: Number) -> Self {
        // Negative numbers first.
        let modified = modified_ns.cast_unsigned() ^ (1 << 63);
        let mut bytes = [0; 14];
        let parts = put_back.to_be_bytes().into_iter().chain(modified.to_be_bytes());
        for (byte, part) in bytes.iter_mut().zip(parts.chain(number.to_bytes())) {
            *byte = part;
        }
        Self(bytes)
    }

    pub(super) fn number(self) -> Number {
        let [.., a, b, c, d] = self.0;
        Number::from_bytes([a, b, c, d])
    }

    pub(super) fn put_back(self) -> u16 {
        let [a, b, ..] = self.0;
        u16::from_be_bytes([a, b])
    }
}

/// The orders: which files stand where.
#[derive(Debug, Default)]
pub(super) struct Orders {
    pub(super) unread: BTreeSet<Key>,
    /// By lane.
    pub(super) waiting: Vec<BTreeSet<Key>>,
}

impl Orders {
    /// Puts a file into the order of the unread, or into those of its lanes.
    pub(super) fn insert(&mut self, key: Key, standing: Standing) {
        self.change(standing, |order| {
            order.insert(key);
        });
    }

    /// Takes it out of them.
    pub(super) fn remove(&mut self, key: Key, standing: Standing) {
        self.change(standing, |order| {
            order.remove(&key);
        });
    }

    fn change(&mut self, standing: Standing, mut change: impl FnMut(&mut BTreeSet<Key>)) {
        match standing {
            Standing::Unread => change(&mut self.unread),
            Standing::Nowhere => {}
            Standing::Waiting(lanes) => {
                for LaneId(lane) in lanes.iter() {
                    if self.waiting.len() <= lane {
                        self.waiting.resize_with(lane + 1, BTreeSet::new);
                    }
                    self.waiting.get_mut(lane).into_iter().for_each(&mut change);
                }
            }
        }
    }

    /// The first file of all.
    pub(super) fn first(&self) -> Option<Key> {
        let waiting = self.waiting.iter().filter_map(BTreeSet::first);
        self.unread.first().into_iter().chain(waiting).min().copied()
    }

    /// Gives memory back.
    pub(super) fn shrink(&mut self) {
        while self.waiting.pop_if(|order| order.is_empty()).is_some() {}
        self.waiting.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_delivery() {
        let key = |put_back, modified_ns, number: u8| {
            Key::new(put_back, modified_ns, Number::from_bytes([0, 0, 0, number]))
        };
        let keys = [
            key(0, i64::MIN, 9),
            key(0, -1, 8),
            key(0, 0, 7),
            key(0, 1, 5),
            key(0, 1, 6),
            key(0, i64::MAX, 4),
            key(1, 0, 3),
            key(256, 0, 2),
        ];
        assert!(keys.is_sorted());
        assert_eq!(keys.map(Key::put_back), [0, 0, 0, 0, 0, 0, 1, 256]);
        assert_eq!(keys.map(|key| key.number().to_bytes()[3]), [9, 8, 7, 5, 6, 4, 3, 2]);
    }
}
