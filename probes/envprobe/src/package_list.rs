//! The list of packages: sent as a whole when it is another than the one that was sent.

use sha2::{Digest, Sha256};
use std::fmt::Write;
use telemetry_record::limits::PAYLOAD_BYTES;
use telemetry_sensors::packages::Package;

/// Classification of a part.
pub(crate) const CLASS: &str = "org.telemetrics/environment/packages";

/// Records of one list: 10,000 packages are some 35.
const RECORDS: usize = 64;

/// The list as lines, in texts of whole lines that a record has room for, and how many packages had no room.
pub(crate) fn texts(packages: &[Package]) -> (Vec<String>, usize) {
    let (mut texts, mut left_out) = (Vec::<String>::new(), 0);
    for Package { name, version } in packages {
        let line = format!("{name} {version}\n");
        if let Some(last) = texts.last_mut()
            && last.len() + line.len() <= PAYLOAD_BYTES
        {
            last.push_str(&line);
        } else if texts.len() < RECORDS {
            texts.push(line);
        } else {
            left_out += 1;
        }
    }
    (texts, left_out)
}

/// What distinguishes lists.
pub(crate) fn hash(texts: &[String]) -> String {
    let mut hash = Sha256::new();
    texts.iter().for_each(|text| hash.update(text));
    // Writing to a String cannot fail.
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_hold_whole_lines_and_a_list_has_its_hash() {
        let package = |n: usize| Package { name: format!("package{n:05}"), version: "1.2.3-4".to_owned() };
        let packages: Vec<_> = (0..10_000).map(package).collect();
        let (all, left_out) = texts(&packages);
        assert_eq!(left_out, 0);
        assert!(all.iter().all(|text| text.len() <= PAYLOAD_BYTES && text.ends_with('\n')));
        assert_eq!(all.concat().lines().count(), 10_000);
        assert_ne!(hash(&all), hash(&texts(&packages[1..]).0));
        let long: Vec<_> = (0..2000).map(|n| Package { name: format!("{n:0250}"), ..package(n) }).collect();
        let (kept, left_out) = texts(&long);
        assert_eq!((kept.len(), kept.concat().lines().count() + left_out), (RECORDS, 2000));
        assert_eq!(texts(&[]).0, [""; 0]);
    }
}
