//! Samples, hours and days as tables have them.
//!
//! ```text
//!  layout   id id id ...            4 bytes each, ascending, the lowest byte first
//!  sample   value value value ...   a double for each id of its layout; NaN: the sample had none
//!  hour     count min mean max last ...   4 bytes and four doubles for each id; a count of 0: it had none
//! ```

use super::gather::larger;

/// Bytes of a value.
const VALUE_BYTES: usize = 8;

/// Bytes of a sum.
const SUM_BYTES: usize = 4 + 4 * VALUE_BYTES;

/// What values of one hour or day come to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sum {
    /// How many there were.
    pub count: u32,
    /// The smallest.
    pub min: f64,
    /// Their mean.
    pub mean: f64,
    /// The largest.
    pub max: f64,
    /// The last.
    pub last: f64,
}

/// Writes a list of ids. None is beyond 4 bytes: series are too few for that.
#[must_use]
pub fn pack_ids(ids: &[i64]) -> Vec<u8> {
    ids.iter().flat_map(|id| u32::try_from(*id).unwrap_or(u32::MAX).to_le_bytes()).collect()
}

/// Reads a list of ids.
#[must_use]
pub fn unpack_ids(bytes: &[u8]) -> Vec<i64> {
    let (ids, _) = bytes.as_chunks::<4>();
    ids.iter().map(|id| i64::from(u32::from_le_bytes(*id))).collect()
}

/// Writes values.
#[must_use]
pub fn pack_values(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Reads values.
#[must_use]
pub fn unpack_values(bytes: &[u8]) -> Vec<f64> {
    let (values, _) = bytes.as_chunks::<VALUE_BYTES>();
    values.iter().map(|value| f64::from_le_bytes(*value)).collect()
}

/// Writes sums.
#[must_use]
pub fn pack_sums(sums: &[Sum]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(sums.len() * SUM_BYTES);
    for sum in sums {
        bytes.extend(sum.count.to_le_bytes());
        for value in [sum.min, sum.mean, sum.max, sum.last] {
            bytes.extend(value.to_le_bytes());
        }
    }
    bytes
}

/// Reads sums.
#[must_use]
pub fn unpack_sums(bytes: &[u8]) -> Vec<Sum> {
    let (sums, _) = bytes.as_chunks::<SUM_BYTES>();
    let read = |bytes: &[u8; SUM_BYTES]| {
        let (count, values) = bytes.split_at(4);
        let count = count.first_chunk().map_or(0, |count| u32::from_le_bytes(*count));
        let mut values = unpack_values(values).into_iter();
        let mut next = || values.next().unwrap_or(0.0);
        Sum { count, min: next(), mean: next(), max: next(), last: next() }
    };
    sums.iter().map(read).collect()
}

/// The ids of both lists, ascending.
#[must_use]
pub fn union(one: &[i64], other: &[i64]) -> Vec<i64> {
    let mut all: Vec<i64> = one.iter().chain(other).copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Values of one layout in the order of another, which has all of its ids; `none` where it has more.
#[must_use]
pub fn arranged<T: Copy>(values: &[T], from: &[i64], to: &[i64], none: T) -> Vec<T> {
    if from == to && values.len() == to.len() {
        return values.to_vec();
    }
    let mut known = from.iter().zip(values).peekable();
    let place = |id: &i64| {
        while known.next_if(|(other, _)| *other < id).is_some() {}
        known.next_if(|(other, _)| *other == id).map_or(none, |(_, value)| *value)
    };
    to.iter().map(place).collect()
}

/// Two samples of one moment, whichever came first.
#[must_use]
pub fn merged(one: &[f64], other: &[f64]) -> Vec<f64> {
    one.iter().zip(other).map(|(one, other)| larger(*one, *other)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back() {
        let ids = [1, 7, 100_000];
        assert_eq!(unpack_ids(&pack_ids(&ids)), ids);
        let values = [0.1, -5.0, f64::MAX];
        assert_eq!(unpack_values(&pack_values(&values)), values);
        assert_eq!(pack_values(&[1.0]), [0, 0, 0, 0, 0, 0, 0xf0, 0x3f]);
        let sums = [Sum { count: 3, min: 1.0, mean: 2.0, max: 3.0, last: 2.5 }, Sum::default()];
        assert_eq!(unpack_sums(&pack_sums(&sums)), sums);
        assert_eq!(pack_sums(&sums).len(), 72);
        // Damage is short, and never a panic.
        assert_eq!(
            (unpack_ids(&[1, 2, 3]), unpack_values(&[1; 9]).len(), unpack_sums(&[1; 35]).len()),
            (vec![], 1, 0)
        );
    }

    #[test]
    fn values_find_their_places_in_a_wider_layout() {
        assert_eq!(union(&[2, 5], &[1, 5, 9]), [1, 2, 5, 9]);
        assert_eq!(arranged(&[20, 50], &[2, 5], &[1, 2, 5, 9], 0), [0, 20, 50, 0]);
        assert_eq!(arranged(&[20, 50], &[2, 5], &[2, 5], 0), [20, 50]);
        assert_eq!(arranged(&[20], &[2, 5], &[2, 5], 0), [20, 0], "damage");
        let none = f64::NAN;
        let all = merged(&[none, 1.0, 2.0, none], &[3.0, none, 1.0, none]);
        assert_eq!((&all[..3], all[3].is_nan()), (&[3.0, 1.0, 2.0][..], true));
    }
}
