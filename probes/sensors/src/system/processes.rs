//! How many processes there are: directories of `/proc` with a number.

use crate::catalogue::PROCESS_COUNT;
use crate::error::SensorError;
use crate::limits::PROCESSES;
use crate::metric::Family;
use crate::source::Source;
use std::fs;

/// The process that every machine has: where it is not seen, others are hidden, too.
const FIRST: &[u8] = b"1";

pub(super) fn read(source: &Source) -> Result<Vec<Family>, SensorError> {
    let path = source.proc_path("");
    let entries = fs::read_dir(&path).map_err(|error| SensorError::file(path.display(), &error))?;
    let names = entries.filter_map(Result::ok).map(|entry| entry.file_name().into_encoded_bytes());
    let count = count(names).ok_or_else(hidden)?;
    Ok(vec![Family::one(&PROCESS_COUNT, Some(count))])
}

/// What there is to say where others' processes cannot be seen.
pub(crate) fn hidden() -> SensorError {
    SensorError::Other("/proc shows this user's processes alone (hidepid)".to_owned())
}

/// None where the first process is not among them.
fn count(names: impl Iterator<Item = Vec<u8>>) -> Option<u64> {
    let mut is_complete = false;
    let is_process = |name: &Vec<u8>| !name.is_empty() && name.iter().all(u8::is_ascii_digit);
    let processes = names.filter(is_process).take(PROCESSES).inspect(|name| is_complete |= name == FIRST);
    let count = processes.count() as u64;
    is_complete.then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_with_a_number_are_counted_and_hidden_ones_noticed() {
        let names = |names: &[&str]| count(names.iter().map(|name| name.as_bytes().to_vec()));
        assert_eq!(names(&["self", "1", "42", "4x", "", "stat"]), Some(2));
        assert_eq!(names(&["self", "42", "stat"]), None);
    }
}
