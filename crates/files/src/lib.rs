//! Files: foreign ones are read with a bound ([`bounded_file`]); ours are written in one way ([`mod@replace`]). What is not
//! replaced, since it is appended to or locked, is opened by [`open_to_append`] and [`open_lock_file`].
//!
//! ```no_run
//! use std::path::Path;
//! use telemetry_files::{Attributes, Durability, replace_path};
//!
//! // 32 digits that must be there after a power cut, readable by all, the daemons' also where root writes them.
//! let path = Path::new("/var/lib/telemetry/machine_id");
//! replace_path(path, b"0de9de8d5f3c6a7d445d75ba01cc3322", Attributes::of_directory(0o644), Durability::Synced)?;
//! # Ok::<(), std::io::Error>(())
//! ```

pub mod answering_socket;
pub mod bounded_file;
mod directory;
mod errno;
mod open;
mod owner;
pub mod replace;
mod resolve;

pub use directory::{names_in, open_directory};
pub use errno::errno_of;
pub use open::{
    open_directory_below, open_directory_nofollow, open_lock_file, open_lock_file_in, open_to_append,
    open_to_append_in,
};
pub use owner::Owner;
pub use replace::{Attributes, Durability, replace, replace_path};
