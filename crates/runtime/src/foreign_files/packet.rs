//! What a daemon and its file helper send each other: packets on a socket that keeps their bounds.
//!
//! ```text
//! request   limit u32 | path                                  one packet
//! answer    kind u32 | value u32 | mode u32 | length u32      one packet, then as many as the bytes need
//!           0 a file: value is its owner   1 an error number: value   2 not a regular file   3 larger than the limit
//! ```
//!
//! Both are the same program, so that integers are in the machine's order.

use super::ForeignFile;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Longest path that is asked for: that of the system.
pub(super) const PATH_BYTES: usize = libc::PATH_MAX as usize;

/// Bytes of a file in one packet: several fit into the socket.
pub(super) const PIECE_BYTES: usize = 32 * 1024;

const FILE: u32 = 0;
const ERRNO: u32 = 1;
const NOT_REGULAR: u32 = 2;
const TOO_LARGE: u32 = 3;

/// Bytes of the head of an answer.
pub(super) const HEAD_BYTES: usize = 16;

/// The packet that asks for a file.
pub(super) fn request(path: &Path, limit: u32) -> Vec<u8> {
    [&limit.to_ne_bytes(), path.as_os_str().as_bytes()].concat()
}

/// What a packet asks for.
pub(super) fn parse_request(packet: &[u8]) -> Option<(&Path, u32)> {
    let (limit, path) = packet.split_first_chunk()?;
    Some((Path::new(OsStr::from_bytes(path)), u32::from_ne_bytes(*limit)))
}

/// The head of an answer.
pub(super) fn head(result: &io::Result<ForeignFile>) -> [u8; HEAD_BYTES] {
    let numbers = match result {
        Ok(file) => [FILE, file.owner, file.mode, u32::try_from(file.bytes.len()).unwrap_or(u32::MAX)],
        Err(error) => match (error.raw_os_error(), error.kind()) {
            (Some(errno), _) => [ERRNO, errno.cast_unsigned(), 0, 0],
            (None, io::ErrorKind::InvalidInput) => [NOT_REGULAR, 0, 0, 0],
            (None, io::ErrorKind::FileTooLarge) => [TOO_LARGE, 0, 0, 0],
            (None, _) => [ERRNO, libc::EIO.cast_unsigned(), 0, 0],
        },
    };
    let mut head = [0; HEAD_BYTES];
    for (place, number) in head.chunks_exact_mut(size_of::<u32>()).zip(numbers) {
        place.copy_from_slice(&number.to_ne_bytes());
    }
    head
}

/// What a head says: how the answer begins, and how many bytes follow. None for what is no head, or announces more than `limit`.
pub(super) fn parse_head(packet: &[u8], limit: u32) -> Option<(io::Result<ForeignFile>, usize)> {
    let head: &[u8; HEAD_BYTES] = packet.try_into().ok()?;
    let mut numbers = head.chunks_exact(size_of::<u32>()).filter_map(|bytes| bytes.try_into().ok());
    let mut next = || numbers.next().map(u32::from_ne_bytes);
    let (kind, value, mode, length) = (next()?, next()?, next()?, next()?);
    let result = match kind {
        FILE if length <= limit => Ok(ForeignFile { owner: value, mode, bytes: Vec::new() }),
        ERRNO => Err(io::Error::from_raw_os_error(value.cast_signed())),
        NOT_REGULAR => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")),
        TOO_LARGE => {
            let text = format!("larger than {limit} bytes");
            Err(io::Error::new(io::ErrorKind::FileTooLarge, text))
        }
        _ => return None,
    };
    let length = if result.is_ok() { usize::try_from(length).ok()? } else { 0 };
    Some((result, length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_sent_is_what_is_read() {
        assert_eq!(parse_request(&request(Path::new("/a b"), 7)), Some((Path::new("/a b"), 7)));
        let file = ForeignFile { owner: 1000, mode: 0o100_644, bytes: vec![0; 9] };
        let (read, length) = parse_head(&head(&Ok(file.clone())), 9).unwrap();
        assert_eq!((read.unwrap(), length), (ForeignFile { bytes: Vec::new(), ..file.clone() }, 9));
        assert!(parse_head(&head(&Ok(file)), 8).is_none());
        for error in [
            io::Error::from_raw_os_error(libc::ENOENT),
            io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"),
            io::Error::new(io::ErrorKind::FileTooLarge, "larger than 9 bytes"),
        ] {
            let text = error.to_string();
            let (read, length) = parse_head(&head(&Err(error)), 9).unwrap();
            assert_eq!((read.unwrap_err().to_string(), length), (text, 0));
        }
    }

    proptest! {
        #[test]
        fn noise_is_no_head_that_announces_too_much(packet in prop::collection::vec(any::<u8>(), 0..24)) {
            if let Some((_, length)) = parse_head(&packet, 100) {
                prop_assert!(packet.len() == HEAD_BYTES && length <= 100);
            }
        }
    }
}
