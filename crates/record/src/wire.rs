//! The message between a program and telemprobd, and the answer.
//!
//! One connection carries one record. Integers are 32-bit in the machine's byte order.
//!
//! ```text
//! u32 record_size          whole message, this field included
//! [ "CFG:" PATH "\0" ]     only when the sender set a configuration file
//! u32 header_size          length of the 15 header lines
//! 15 header lines          "NAME: VALUE\n" each
//! payload                  without terminator
//! 0x00
//!
//! i32 answer               0, or a negative errno value; old daemons send none
//! ```
//!
//! Decoding is a pure function of the bytes: [`message_size`] on the first four says how many to wait
//! for, [`decode`] takes them all. No size is believed before it is checked.

use crate::header::{HeaderBlock, HeaderError};
use crate::limits::{CONFIG_PATH_BYTES, MESSAGE_BYTES, PAYLOAD_BYTES};
use crate::message::Message;
use crate::payload;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const CONFIG_MARK: &[u8] = b"CFG:";
const SIZE_BYTES: usize = 4;

/// Bytes of the answer.
pub const ANSWER_BYTES: usize = 4;

/// Why bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The message says that it is larger than any may be, or its payload is.
    #[error("the message is larger than allowed")]
    TooLarge,
    /// The sizes in the message contradict each other or the bytes.
    #[error("the sizes in the message contradict each other")]
    Sizes,
    /// The path behind `CFG:` is relative, unterminated, too long, or has control characters.
    #[error("the path of the configuration file is not usable")]
    ConfigPath,
    /// The header lines are not the 15 in their order.
    #[error(transparent)]
    Headers(#[from] HeaderError),
    /// Headers or payload are not UTF-8, or the payload has control characters.
    #[error("the text is not UTF-8, or the payload has control characters")]
    Text,
}

impl WireError {
    /// The error number of the answer, positive.
    pub fn errno(&self) -> i32 {
        match self {
            WireError::TooLarge | WireError::Headers(HeaderError::TooLong) => libc::EMSGSIZE,
            _ => libc::EINVAL,
        }
    }
}

/// Encodes a message.
///
/// # Errors
/// [`WireError::ConfigPath`] if the path cannot be carried.
pub fn encode(config: Option<&Path>, headers: &HeaderBlock, payload: &str) -> Result<Vec<u8>, WireError> {
    let mut message = Vec::with_capacity(1024 + payload.len());
    message.extend([0; SIZE_BYTES]);
    if let Some(path) = config {
        let path = check_config_path(path.as_os_str().as_bytes())?;
        message.extend(CONFIG_MARK);
        message.extend(path.as_os_str().as_bytes());
        message.push(0);
    }
    message.extend(size_field(headers.as_str().len())?);
    message.extend(headers.as_str().as_bytes());
    message.extend(payload.as_bytes());
    message.push(0);
    let record_size = size_field(message.len())?;
    message.splice(..SIZE_BYTES, record_size);
    Ok(message)
}

/// The size of the whole message, from its first bytes; none while there are fewer than four.
///
/// # Errors
/// [`WireError`] if no message has this size.
pub fn message_size(bytes: &[u8]) -> Result<Option<usize>, WireError> {
    let Some(field) = bytes.first_chunk::<SIZE_BYTES>() else {
        return Ok(None);
    };
    match usize::try_from(u32::from_ne_bytes(*field)) {
        Ok(size) if size > MESSAGE_BYTES => Err(WireError::TooLarge),
        Ok(size) if size > 2 * SIZE_BYTES => Ok(Some(size)),
        Ok(_) => Err(WireError::Sizes),
        Err(_) => Err(WireError::TooLarge),
    }
}

/// Decodes a whole message.
///
/// # Errors
/// [`WireError`] says what is wrong with it.
pub fn decode(message: &[u8]) -> Result<Message, WireError> {
    if message_size(message)? != Some(message.len()) {
        return Err(WireError::Sizes);
    }
    let rest = message.get(SIZE_BYTES..).unwrap_or_default();
    let (config, rest) = split_config(rest)?;
    let (header_size, rest) = rest.split_first_chunk::<SIZE_BYTES>().ok_or(WireError::Sizes)?;
    let header_size = usize::try_from(u32::from_ne_bytes(*header_size)).unwrap_or(usize::MAX);
    let (headers, rest) = rest.split_at_checked(header_size).ok_or(WireError::Sizes)?;
    let payload = match rest.split_last() {
        Some((0, payload)) => payload,
        _ => return Err(WireError::Sizes),
    };
    if payload.len() > PAYLOAD_BYTES {
        return Err(WireError::TooLarge);
    }
    // Values of DMI and cpuinfo come from firmware, in any encoding; an old library passes them as they are.
    let headers = HeaderBlock::parse(&String::from_utf8_lossy(headers))?;
    let payload = std::str::from_utf8(payload).map_err(|_| WireError::Text)?;
    if !payload::is_text(payload) {
        return Err(WireError::Text);
    }
    Ok(Message { config, headers, payload: payload.to_owned() })
}

fn split_config(bytes: &[u8]) -> Result<(Option<PathBuf>, &[u8]), WireError> {
    // A header size of these four bytes would be past every bound, so that the mark is unambiguous.
    let Some(rest) = bytes.strip_prefix(CONFIG_MARK) else {
        return Ok((None, bytes));
    };
    let end = rest.iter().position(|byte| *byte == 0).ok_or(WireError::ConfigPath)?;
    let (path, rest) = rest.split_at_checked(end).ok_or(WireError::ConfigPath)?;
    let path = check_config_path(path)?;
    Ok((Some(path.to_owned()), rest.get(1..).unwrap_or_default()))
}

/// Whether a message can carry this path of a configuration file.
pub fn is_carried(path: &Path) -> bool {
    check_config_path(path.as_os_str().as_bytes()).is_ok()
}

/// A path that fits into a message and into the first line of a spool file.
fn check_config_path(path: &[u8]) -> Result<&Path, WireError> {
    let fits = path.len() + CONFIG_MARK.len() < CONFIG_PATH_BYTES;
    if fits && path.first() == Some(&b'/') && !path.iter().any(u8::is_ascii_control) {
        Ok(Path::new(OsStr::from_bytes(path)))
    } else {
        Err(WireError::ConfigPath)
    }
}

fn size_field(size: usize) -> Result<[u8; SIZE_BYTES], WireError> {
    u32::try_from(size).map(u32::to_ne_bytes).map_err(|_| WireError::TooLarge)
}

/// Encodes the answer: `Ok` for stored, or an error number (positive).
pub fn encode_answer(answer: Result<(), i32>) -> [u8; ANSWER_BYTES] {
    answer.map_or_else(|errno| -errno, |()| 0).to_ne_bytes()
}

/// Decodes the answer: `Ok` for stored, or the error number (positive, in all that telemprobd writes).
pub fn decode_answer(bytes: [u8; ANSWER_BYTES]) -> Result<(), i32> {
    match i32::from_ne_bytes(bytes) {
        0 => Ok(()),
        number => Err(number.saturating_neg()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::Header;
    use proptest::prelude::*;

    fn headers() -> HeaderBlock {
        HeaderBlock::from_values(Header::ALL.map(Header::name))
    }

    /// A message put together by hand, field by field.
    fn raw(record_size: Option<u32>, config: &[u8], header_size: u32, rest: &[u8]) -> Vec<u8> {
        let body = [config, &header_size.to_ne_bytes(), rest].concat();
        let size = record_size.unwrap_or(body.len() as u32 + 4);
        [size.to_ne_bytes().as_slice(), &body].concat()
    }

    #[test]
    fn the_layout_is_that_of_the_contract() {
        let headers = headers();
        let lines = headers.as_str();
        let plain = encode(None, &headers, "hello\n").unwrap();
        let by_hand = raw(None, b"", lines.len() as u32, format!("{lines}hello\n\0").as_bytes());
        assert_eq!(plain, by_hand);
        assert_eq!(message_size(&plain), Ok(Some(plain.len())));

        let with_config = encode(Some(Path::new("/etc/t.conf")), &headers, "").unwrap();
        let by_hand = raw(None, b"CFG:/etc/t.conf\0", lines.len() as u32, format!("{lines}\0").as_bytes());
        assert_eq!(with_config, by_hand);
        assert_eq!(decode(&with_config).unwrap().config.unwrap(), Path::new("/etc/t.conf"));
    }

    #[test]
    fn lies_are_refused() {
        let lines = headers().as_str().to_owned();
        let len = lines.len() as u32;
        let body = format!("{lines}hello\0");
        let body = body.as_bytes();
        let whole = len + 6 + 8;
        for (message, expected) in [
            (raw(Some(whole + 1), b"", len, body), WireError::Sizes),
            (raw(Some(whole - 1), b"", len, body), WireError::Sizes),
            (raw(Some(u32::MAX), b"", len, body), WireError::TooLarge),
            (raw(Some(MESSAGE_BYTES as u32 + 1), b"", len, body), WireError::TooLarge),
            (raw(Some(0), b"", len, body), WireError::Sizes),
            (raw(None, b"", len + 7, body), WireError::Sizes),
            (raw(None, b"", u32::MAX, body), WireError::Sizes),
            (raw(None, b"", len - 1, body), WireError::Headers(HeaderError::Line(Header::EventId))),
            (raw(None, b"", len + 1, body), WireError::Headers(HeaderError::Trailing)),
            (raw(None, b"", 0, body), WireError::Headers(HeaderError::Line(Header::RecordFormatVersion))),
            (raw(None, b"CFG:relative\0", len, body), WireError::ConfigPath),
            (raw(None, b"CFG:/a\nb\0", len, body), WireError::ConfigPath),
            (raw(None, b"CFG:\0", len, body), WireError::ConfigPath),
            (raw(None, b"", len, format!("{lines}no terminator").as_bytes()), WireError::Sizes),
            (raw(None, b"", len, format!("{lines}a\x01b\0").as_bytes()), WireError::Text),
            (raw(None, b"", len, &[lines.as_bytes(), &[0xff, 0]].concat()), WireError::Text),
            (
                raw(None, b"", len, format!("{lines}{}\0", "x".repeat(PAYLOAD_BYTES + 1)).as_bytes()),
                WireError::TooLarge,
            ),
        ] {
            assert_eq!(decode(&message), Err(expected), "{:?}", String::from_utf8_lossy(&message));
        }
        let long_path = format!("CFG:/{}\0", "x".repeat(CONFIG_PATH_BYTES));
        assert_eq!(decode(&raw(None, long_path.as_bytes(), len, body)), Err(WireError::ConfigPath));
    }

    #[test]
    fn firmware_text_in_any_encoding_is_taken() {
        let lines = headers().as_str().replace("host_type: host_type", "host_type: Fabr\u{1}\u{e9}");
        let latin1: Vec<u8> = lines.chars().map(|c| c as u8).collect();
        let message = raw(None, b"", latin1.len() as u32, &[latin1.as_slice(), b"x\0"].concat());
        assert_eq!(decode(&message).unwrap().headers.value(Header::HostType), "Fabr \u{fffd}");
    }

    #[test]
    fn answers_survive_a_round_trip() {
        for answer in [Ok(()), Err(libc::ENOSPC), Err(libc::EPERM)] {
            assert_eq!(decode_answer(encode_answer(answer)), answer);
        }
        assert_eq!(encode_answer(Err(libc::EINVAL)), (-22_i32).to_ne_bytes());
        assert!(decode_answer(i32::MIN.to_ne_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn every_record_survives_a_round_trip(
            values in prop::array::uniform15("\\PC{0,60}"),
            payload in "[\\PC\\n\\t]{0,500}",
            config in prop::option::of("/[a-z /]{0,60}"),
        ) {
            let headers = HeaderBlock::from_values(values);
            let config = config.map(PathBuf::from);
            let bytes = encode(config.as_deref(), &headers, &payload).unwrap();
            prop_assert_eq!(decode(&bytes), Ok(Message { config, headers, payload }));
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), mark in any::<bool>()) {
            let mut message = (bytes.len() as u32 + if mark { 8 } else { 4 }).to_ne_bytes().to_vec();
            if mark { message.extend(CONFIG_MARK); }
            message.extend(&bytes);
            let _ = decode(&message);
            let _ = decode(&bytes);
        }
    }
}
