//! Messages of the socket put together by hand, without the library's encoder, so that the two are held
//! against each other.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// The 15 header lines of a good record.
pub fn header_lines(class: &str) -> String {
    format!(
        "record_format_version: 4\nclassification: {class}\nseverity: 2\nmachine_id: FFFFFFFF\n\
         creation_timestamp: 1522691281\narch: x86_64\nhost_type: blank|blank|blank\nbuild: \"12\"\n\
         kernel_version: 6.1.0-test\npayload_format_version: 1\nsystem_name: debian\n\
         board_name: blank|blank\ncpu_model: Some CPU\nbios_version: blank\n\
         event_id: 5de9de8d5f3c6a7d445d75ba01cc3322\n"
    )
}

/// A message of these parts; `record_size` and `header_size` are what they should be unless they are given.
///
/// # Panics
/// A part is larger than 4 GiB.
pub fn message(
    record_size: Option<u32>,
    config: Option<&str>,
    header_size: Option<u32>,
    headers: &str,
    payload: &[u8],
) -> Vec<u8> {
    let mut rest = Vec::new();
    if let Some(path) = config {
        rest.extend(format!("CFG:{path}\0").as_bytes());
    }
    rest.extend(header_size.unwrap_or(headers.len().try_into().unwrap()).to_ne_bytes());
    rest.extend(headers.as_bytes());
    rest.extend(payload);
    rest.push(0);
    let record_size = record_size.unwrap_or((rest.len() + 4).try_into().unwrap());
    [record_size.to_ne_bytes().as_slice(), &rest].concat()
}

/// A good message of this class and payload.
pub fn good(class: &str, payload: &str) -> Vec<u8> {
    message(None, None, None, &header_lines(class), payload.as_bytes())
}

/// Sends bytes, ends the sending side, and returns the answer; none if the daemon closed without one.
///
/// # Panics
/// The daemon cannot be reached.
pub fn send(socket: &Path, bytes: &[u8]) -> Option<i32> {
    let mut connection = UnixStream::connect(socket).unwrap();
    connection.set_read_timeout(Some(crate::DEADLINE)).unwrap();
    // The daemon may have refused and closed before all is sent.
    let _ = connection.write_all(bytes);
    let _ = connection.shutdown(Shutdown::Write);
    let mut answer = [0; 4];
    connection.read_exact(&mut answer).ok().map(|()| i32::from_ne_bytes(answer))
}

/// Takes one whole message from a client.
///
/// # Panics
/// It ends early.
pub fn receive(connection: &mut UnixStream) -> Vec<u8> {
    let mut size = [0; 4];
    connection.read_exact(&mut size).unwrap();
    let mut rest = vec![0; u32::from_ne_bytes(size) as usize - 4];
    connection.read_exact(&mut rest).unwrap();
    [size.as_slice(), &rest].concat()
}
