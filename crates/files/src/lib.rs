//! Files: foreign ones are read with a bound ([`bounded_file`]).

pub mod bounded_file;
mod errno;

pub use errno::errno_of;
