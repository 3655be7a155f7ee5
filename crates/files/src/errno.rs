//! The error number behind an error.

use nix::errno::Errno;
use std::io;

/// The error number behind an I/O error; `EIO` where the library made it without one.
pub fn errno_of(error: &io::Error) -> Errno {
    match (error.raw_os_error(), error.kind()) {
        (Some(number), _) => Errno::from_raw(number),
        (None, io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => Errno::EINVAL,
        (None, io::ErrorKind::FileTooLarge) => Errno::EFBIG,
        (None, _) => Errno::EIO,
    }
}
