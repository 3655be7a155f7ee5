//! Dumps that the kernel packed and could not unpack: it was started without the algorithm, or memory was damaged.
//!
//! Packed is the whole of a dump, its header line included. Kernels have used one stream of deflate, in zlib's frame or
//! without one, and, where they were configured for it, lz4, lzo, 842 and zstd. Deflate and zstd are unpacked here; the others are
//! rare, and cannot be known from their bytes.

use super::header::Header;
use super::limits::DUMP_BYTES;
use flate2::read::{DeflateDecoder, ZlibDecoder};
use ruzstd::decoding::StreamingDecoder;
use std::io::Read;

/// Longest window of a zstd frame, in bytes: memory that is taken before the first byte is unpacked. The kernel's are not
/// longer than a dump.
const WINDOW_BYTES: u64 = 8 * 1024 * 1024;

/// What was in a packed dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unpacked {
    pub(super) bytes: Vec<u8>,
    /// Whether that is all of it.
    pub(super) is_whole: bool,
}

/// Nothing of a dump could be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is damaged, or packed with something else than deflate and zstd")]
pub struct UnpackError;

/// Unpacks a dump. Where the end of deflate is damaged, what comes before is returned.
pub(super) fn unpack(packed: &[u8]) -> Result<Unpacked, UnpackError> {
    let zstd = StreamingDecoder::new_with_max_window_size(packed, WINDOW_BYTES);
    let attempts =
        [zstd.ok().map(read), Some(read(ZlibDecoder::new(packed))), Some(read(DeflateDecoder::new(packed)))];
    let dumps = attempts.into_iter().flatten().filter(|unpacked| has_header(&unpacked.bytes));
    dumps.max_by_key(|unpacked| (unpacked.is_whole, unpacked.bytes.len())).ok_or(UnpackError)
}

fn read(decoder: impl Read) -> Unpacked {
    let mut bytes = Vec::new();
    let limit = u64::try_from(DUMP_BYTES).unwrap_or(u64::MAX);
    // What was read before an error stays in `bytes`.
    let is_whole = decoder.take(limit + 1).read_to_end(&mut bytes).is_ok() && bytes.len() <= DUMP_BYTES;
    bytes.truncate(DUMP_BYTES);
    Unpacked { bytes, is_whole }
}

/// Anything may be deflate by chance, but not with this line at its beginning.
pub(super) fn has_header(bytes: &[u8]) -> bool {
    let head = bytes.get(..128).unwrap_or(bytes);
    Header::take(&String::from_utf8_lossy(head)).0.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, ZlibEncoder};
    use proptest::prelude::*;
    use std::io::Write;

    fn raw(text: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        zstd::bulk::compress(text, 3).unwrap()
    }

    fn dump(lines: usize) -> Vec<u8> {
        let lines = (0..lines).map(|n| format!("<6>[ {n}.000000] line {}\n", n * n * 7919));
        ["Panic#1 Part1\n".to_owned()].into_iter().chain(lines).collect::<String>().into_bytes()
    }

    #[test]
    fn all_frames_are_unpacked_whatever_comes_behind() {
        for mut packed in [raw(&dump(90)), zlib(&dump(90)), zstd(&dump(90))] {
            assert_eq!(unpack(&packed), Ok(Unpacked { bytes: dump(90), is_whole: true }));
            packed.extend(b"\nNo errors detected\n");
            assert_eq!(unpack(&packed), Ok(Unpacked { bytes: dump(90), is_whole: true }));
        }
    }

    #[test]
    fn of_a_cut_one_the_beginning_is_there() {
        for packed in [raw(&dump(9000)), zlib(&dump(9000))] {
            let unpacked = unpack(&packed[..packed.len() / 2]).unwrap();
            assert!(!unpacked.is_whole);
            assert!(unpacked.bytes.len() > 1000 && dump(9000).starts_with(&unpacked.bytes));
        }
    }

    #[test]
    fn what_is_something_else_is_said() {
        let bytes =
            [&b""[..], b"Panic#1 Part1\n", &raw(b"no header"), &[0xff; 100], b"\x28\xb5\x2f\xfd\x00\x01"];
        for bytes in bytes {
            assert_eq!(unpack(bytes), Err(UnpackError));
        }
    }

    #[test]
    fn a_bomb_is_bounded() {
        let mut text = b"Panic#1 Part1\n".to_vec();
        text.resize(8 * DUMP_BYTES, b'x');
        for packed in [raw(&text), zlib(&text), zstd(&text)] {
            let unpacked = unpack(&packed).unwrap();
            assert_eq!((unpacked.bytes.len(), unpacked.is_whole), (DUMP_BYTES, false));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_unpacked_or_not(bytes in any::<Vec<u8>>()) {
            let _ = unpack(&bytes);
            prop_assert_eq!(unpack(&raw(&[&b"Oops#1 Part1\n"[..], &bytes].concat())).unwrap().is_whole, true);
        }
    }
}
