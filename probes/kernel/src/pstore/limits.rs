//! Limits of what is taken from dumps: a store, and a directory of copies, may hold anything.

/// Longest dump, in bytes, and longest text of one that is unpacked: parts in UEFI variables and ERST have a few KiB,
/// records of ramoops up to 256 KiB.
pub const DUMP_BYTES: usize = 1024 * 1024;

/// Dumps that wait in the cache at one time: as many as a store of 64 KiB fills in sixteen crashes. More stay in their
/// store.
pub(super) const WAITING_DUMPS: usize = 1024;

/// Text that is in memory at one time, in bytes; the dumps after that are read when those before are reported.
pub(super) const TEXT_AT_ONCE_BYTES: usize = 32 * 1024 * 1024;

/// Files that are read in an archive. systemd-tmpfiles removes what is older than two weeks.
pub(super) const ARCHIVED_FILES: usize = 4096;

/// Directories below an archive: TIMESTAMP/COUNT of systemd-pstore.
pub(super) const ARCHIVE_DEPTH: usize = 2;

/// Longest file name that is read, in bytes.
pub(super) const NAME_BYTES: usize = 128;

/// Highest part that is believed, so that a number in a dump is not a list of that length.
pub(super) const PARTS: u32 = 1000;

/// Longest time between two parts of one dump that follow each other in a store, in seconds. Variables in flash memory
/// take up to a second each, and a machine does not start and fail again in this time.
pub(super) const PART_SECS: u64 = 10;

/// Records that other things may put into ERST between two parts of one dump.
pub(super) const PART_RECORDS: u64 = 1 << 16;

/// Dumps that are remembered as reported, by their content: more than wait at one time.
pub(super) const REMEMBERED_DUMPS: usize = 4096;

/// Oopses that are read in one crash. A dump of 1 MiB has some hundreds, even if it has nothing else.
pub(super) const OOPSES: usize = 4096;

/// Oopses that are remembered as reported, since they are in the dump of the panic after them too.
pub(super) const REMEMBERED_OOPSES: usize = OOPSES;

/// Missing parts that a note names.
pub(super) const NAMED_PARTS: usize = 8;
