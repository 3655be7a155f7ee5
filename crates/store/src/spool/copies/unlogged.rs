//! Records that left the list's hands before any server had them: the first server that takes one makes its entry in the delivery log.
//!
//! ```text
//! SPOOL/.copy/.unlogged   +ID NAME   the record ID, in the file NAME of the spool or of a copy's folder, has no entry yet
//!                         -ID        now it has
//! ```
//!
//! Lines are appended, and the file is written anew at start and end of a run. Where it is lost, such a record has no entry.

use super::super::name::COPY_DIR;
use super::super::{SpoolDir, file};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use telemetry_files::replace::remove;
use telemetry_files::{Attributes, Durability, bounded_file, open_to_append_in, replace};
use telemetry_record::hex_id::{HEX_DIGITS, HexId};

const FILE: &str = ".unlogged";

/// Longest such file: 200,000 records. What is beyond it has no entry.
const FILE_BYTES: u64 = 16 << 20;

/// Since the file was last written.
#[derive(Debug, Default)]
pub struct Changes {
    /// Records without an entry, each with a file that has it.
    pub added: Vec<(HexId, OsString)>,
    /// Records that have one now.
    pub logged: Vec<HexId>,
}

/// All records that have no entry, each with the files that have it. What is no line of ours is nothing.
pub fn read(spool: &SpoolDir) -> BTreeMap<HexId, Vec<OsString>> {
    let read = || -> io::Result<Vec<u8>> {
        let file = bounded_file::open_regular_in(spool.open_below(COPY_DIR)?, FILE)?;
        bounded_file::read_all(&file, FILE_BYTES)
    };
    let mut records = BTreeMap::<_, Vec<_>>::new();
    for line in read().unwrap_or_default().split_inclusive(|byte| *byte == b'\n') {
        // The last one may be cut, and then so may its name be.
        let Some((sign, rest)) = line.strip_suffix(b"\n").and_then(<[u8]>::split_first) else { continue };
        let Some((id, name)) = rest.split_at_checked(HEX_DIGITS) else { continue };
        let Some(id) = std::str::from_utf8(id).ok().and_then(|id| id.parse::<HexId>().ok()) else { continue };
        match (sign, name.split_first()) {
            (b'+', Some((b' ', name))) if !name.is_empty() => {
                records.entry(id).or_default().push(OsString::from_vec(name.to_vec()));
            }
            (b'-', None) => {
                records.remove(&id);
            }
            _ => {}
        }
    }
    records
}

/// Writes the file anew; where there is no such record, there is no file.
///
/// # Errors
/// As the system says.
pub fn write<'a>(spool: &SpoolDir, records: impl Iterator<Item = (HexId, &'a OsStr)>) -> io::Result<()> {
    let mut bytes = Vec::new();
    for (id, name) in records {
        add(&mut bytes, id, name);
    }
    if bytes.is_empty() {
        return match spool.open_below(COPY_DIR) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            copies => remove(copies?, FILE),
        };
    }
    let attributes = Attributes::of_directory(file::MODE);
    replace(spool.make_below(COPY_DIR)?, FILE, &bytes, attributes, Durability::Synced).map(drop)
}

/// Appends what has changed.
///
/// # Errors
/// As the system says; some of it may be there.
pub fn append(spool: &SpoolDir, changes: &Changes) -> io::Result<()> {
    // A full disk may have cut what was appended before.
    let mut bytes = vec![b'\n'];
    for (id, name) in &changes.added {
        add(&mut bytes, *id, name);
    }
    for id in &changes.logged {
        bytes.extend(format!("-{id}\n").as_bytes());
    }
    let mut file = open_to_append_in(spool.make_below(COPY_DIR)?, FILE, file::MODE)?;
    if file.metadata()?.len() + bytes.len() as u64 > FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it has its size"));
    }
    file.write_all(&bytes)?;
    if changes.added.is_empty() { Ok(()) } else { file.sync_data() }
}

fn add(bytes: &mut Vec<u8>, id: HexId, name: &OsStr) {
    let line = [format!("+{id} ").as_bytes(), name.as_bytes(), b"\n"].concat();
    if !name.as_bytes().contains(&b'\n') && (bytes.len() + line.len()) as u64 <= FILE_BYTES {
        bytes.extend(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn id(n: u8) -> HexId {
        HexId::from_bytes([n; 16])
    }

    #[test]
    fn what_is_appended_and_taken_back_is_read_and_noise_is_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let spool = SpoolDir::open(dir.path()).unwrap();
        assert!(read(&spool).is_empty());
        write(&spool, std::iter::empty()).unwrap();
        assert!(!dir.path().join(COPY_DIR).exists());
        write(&spool, [(id(1), OsStr::new("a b")), (id(2), OsStr::new("a\nb"))].into_iter()).unwrap();
        let added = vec![(id(3), "c".into()), (id(1), "d".into()), (id(4), "e".into())];
        append(&spool, &Changes { added, logged: vec![id(4)] }).unwrap();
        append(&spool, &Changes { logged: vec![id(9)], ..Changes::default() }).unwrap();
        let expected =
            BTreeMap::from([(id(1), vec!["a b".into(), "d".into()]), (id(3), vec![OsString::from("c")])]);
        assert_eq!(read(&spool), expected);
        let path = dir.path().join(COPY_DIR).join(FILE);
        let mut noise = fs::read(&path).unwrap();
        let (first, third) = (id(1), id(3));
        noise.extend(
            format!("-{third} x\n+{first}\n+{first} \n*{first} z\n\n-\n+{}\n-{third}", "g".repeat(32))
                .bytes(),
        );
        fs::write(&path, noise).unwrap();
        assert_eq!(read(&spool), expected);
        write(&spool, std::iter::empty()).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn what_a_full_disk_has_cut_spoils_nothing_that_is_appended_later() {
        let dir = tempfile::tempdir().unwrap();
        let spool = SpoolDir::open(dir.path()).unwrap();
        write(&spool, [(id(1), OsStr::new("a"))].into_iter()).unwrap();
        let path = dir.path().join(COPY_DIR).join(FILE);
        let mut cut = fs::read(&path).unwrap();
        cut.extend(format!("+{} b", id(2)).bytes());
        fs::write(&path, cut).unwrap();
        append(&spool, &Changes { added: vec![(id(3), "c".into())], logged: vec![id(1)] }).unwrap();
        assert!(read(&spool).contains_key(&id(3)) && !read(&spool).contains_key(&id(1)));
    }

    #[test]
    fn it_has_a_bound() {
        let dir = tempfile::tempdir().unwrap();
        let spool = SpoolDir::open(dir.path()).unwrap();
        let name = OsString::from("n".repeat(200));
        let many = vec![(id(1), name.clone()); 80_000];
        write(&spool, many.iter().map(|(id, name)| (*id, name.as_os_str()))).unwrap();
        assert!(fs::metadata(dir.path().join(COPY_DIR).join(FILE)).unwrap().len() <= FILE_BYTES);
        let added = vec![(id(2), name)];
        assert!(append(&spool, &Changes { added, logged: Vec::new() }).is_err());
        assert_eq!(read(&spool).len(), 1);
    }
}
