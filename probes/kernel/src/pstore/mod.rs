//! pstoreclean and pstoreprobe: what the kernel kept of its log over a restart.
//!
//! ```text
//!  /sys/fs/pstore ──────────┐ pstoreclean (root): copied, synced, then freed
//!                           ├──▶ CACHE_DIR/pstore ──▶ pstoreprobe (telemetry): reported, then removed ──▶ telemprobd
//!  /var/lib/systemd/pstore ─┘ copied once, never removed
//! ```
//!
//! Pure are `name` and `header` (what names and first lines say), `dump` (a file, taken apart), `crash` (which
//! dumps are of one crash, and what is missing) and `oopses`. `files` and `cache` have the directories, `clean`
//! and `probe` are the two programs.
//!
//! Sources of the formats: `fs/pstore/platform.c`, `fs/pstore/inode.c`, `fs/pstore/ram.c`, `fs/pstore/zone.c`,
//! `drivers/firmware/efi/efi-pstore.c` and `drivers/acpi/apei/erst.c` of Linux, its document `admin-guide/ramoops.rst`,
//! and systemd-pstore(8).

mod cache;
pub mod clean;
mod consent;
mod crash;
mod dump;
mod files;
mod header;
mod joined;
mod limits;
mod name;
mod oopses;
pub mod probe;
mod unpack;

pub use crash::{Crash, crashes};
pub use dump::Dump;
pub use header::Header;
pub use limits::DUMP_BYTES;
pub use name::{EfiId, Name, Store};
pub use oopses::{Mark, content_id};
pub use unpack::UnpackError;
