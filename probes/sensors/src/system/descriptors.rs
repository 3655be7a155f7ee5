//! `/proc/sys/fs/file-nr`: allocated, free and the maximum of open files, parted by tabs.

use crate::catalogue::FILE_DESCRIPTORS;
use crate::error::SensorError;
use crate::metric::Family;
use crate::source::Source;
use crate::text::{whole, whole_lines};

pub(super) fn read(source: &Source) -> Result<Vec<Family>, SensorError> {
    let numbers = parse(&source.proc("sys/fs/file-nr")?);
    let [used, limit] = numbers.ok_or_else(|| SensorError::Malformed("/proc/sys/fs/file-nr".to_owned()))?;
    Ok(vec![Family::by(&FILE_DESCRIPTORS, "state", [("used", Some(used)), ("limit", Some(limit))])])
}

/// Used, and the limit.
fn parse(text: &str) -> Option<[u64; 2]> {
    let mut words = whole_lines(text).next()?.split_ascii_whitespace().map(whole);
    let (allocated, free, limit) = (words.next()??, words.next()??, words.next()??);
    Some([allocated.saturating_sub(free), limit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_numbers() {
        assert_eq!(parse("1234\t4\t9223372036854775807\n"), Some([1230, i64::MAX as u64]));
        for text in ["", "1 2\n", "1 2 3", "1 x 3\n"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
