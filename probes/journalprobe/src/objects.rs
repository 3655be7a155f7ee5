//! Whether the objects of a journal file follow each other without a gap: libsystemd ends in silence where a file was zeroed in
//! its middle, as after a crash of a file system.
//!
//! ```text
//! header   "LPKSHHRH" ... header_size at 88, tail_object_offset at 136, tail_entry_boot_id at 56
//! object   type (1), flags (1), 6 reserved, size (8), data; the next begins at a multiple of 8
//! ```
//!
//! The format is that of <https://systemd.io/JOURNAL_FILE_FORMAT/>.

use super::limits::OBJECTS;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

const MAGIC: &[u8; 8] = b"LPKSHHRH";
const TAIL_BOOT_AT: usize = 56;
const HEADER_SIZE_AT: usize = 88;
const TAIL_OBJECT_AT: usize = 136;
const HEAD_BYTES: usize = 144;

/// Smallest object: its type, flags and size.
const OBJECT_BYTES: u64 = 16;

/// What the beginning of a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The boot of its last entry.
    pub(super) boot: [u8; 16],
    first_object: u64,
    last_object: u64,
}

impl Head {
    /// Reads it; none if it is something else, which libsystemd says.
    pub(super) fn read(file: &mut impl Read) -> io::Result<Option<Self>> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES);
        file.take(HEAD_BYTES as u64).read_to_end(&mut bytes)?;
        let number = |at: usize| Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let head = || {
            let boot = *bytes.get(TAIL_BOOT_AT..)?.first_chunk()?;
            Some(Self { boot, first_object: number(HEADER_SIZE_AT)?, last_object: number(TAIL_OBJECT_AT)? })
        };
        Ok(head().filter(|_| bytes.starts_with(MAGIC)))
    }

    /// The first byte at which no object stands, though others follow; none if there is no such place. `file` is one that
    /// may be written meanwhile: what comes behind the last object of the head is not looked at.
    pub(super) fn gap(&self, file: impl Read + Seek) -> io::Result<Option<u64>> {
        let mut file = BufReader::with_capacity(1 << 16, file);
        let mut at = self.first_object;
        file.seek(SeekFrom::Start(at))?;
        for _ in 0..OBJECTS {
            if at > self.last_object {
                return Ok(None);
            }
            let mut object = [0; OBJECT_BYTES as usize];
            match file.read_exact(&mut object) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Some(at)),
                result => result?,
            }
            let [kind, _, _, _, _, _, _, _, size @ ..] = object;
            let size = u64::from_le_bytes(size);
            let next = at.checked_add(size).and_then(|end| end.checked_next_multiple_of(8));
            let Some(next) = next.filter(|_| kind != 0 && size >= OBJECT_BYTES) else { return Ok(Some(at)) };
            let Ok(step) = i64::try_from(next - at - OBJECT_BYTES) else { return Ok(Some(at)) };
            file.seek_relative(step)?;
            at = next;
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// A file of three objects, of 24, 32 and 16 bytes.
    fn file() -> Vec<u8> {
        let mut bytes = vec![0; 272];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[TAIL_BOOT_AT] = 7;
        bytes[HEADER_SIZE_AT..][..8].copy_from_slice(&272_u64.to_le_bytes());
        bytes[TAIL_OBJECT_AT..][..8].copy_from_slice(&(272_u64 + 24 + 32).to_le_bytes());
        for size in [21_u64, 32, 16] {
            bytes.extend([1, 0, 0, 0, 0, 0, 0, 0]);
            bytes.extend(size.to_le_bytes());
            bytes.resize(bytes.len() + usize::try_from(size.next_multiple_of(8)).unwrap() - 16, 0xaa);
        }
        bytes
    }

    fn gap(bytes: &[u8]) -> Option<u64> {
        let head = Head::read(&mut Cursor::new(bytes)).unwrap().unwrap();
        head.gap(Cursor::new(bytes)).unwrap()
    }

    #[test]
    fn a_whole_file_has_no_gap() {
        assert_eq!(gap(&file()), None);
        assert_eq!(Head::read(&mut Cursor::new(file())).unwrap().unwrap().boot[0], 7);
        assert_eq!(Head::read(&mut Cursor::new(b"LPKSHHRH")).unwrap(), None);
        assert_eq!(Head::read(&mut Cursor::new(vec![0; 300])).unwrap(), None);
    }

    #[test]
    fn zeros_in_the_middle_are_found() {
        let mut bytes = file();
        bytes[272 + 24..][..32].fill(0);
        assert_eq!(gap(&bytes), Some(272 + 24));
        let mut bytes = file();
        bytes.truncate(272 + 24 + 8);
        assert_eq!(gap(&bytes), Some(272 + 24));
        let mut bytes = file();
        bytes[272 + 8..][..8].fill(0xff);
        assert_eq!(gap(&bytes), Some(272));
    }
}
