//! Bounds of debug files: the number, and the mistake or attack that it stops.

use std::time::Duration;

/// Bytes of a debug file, as it is on disk. That of a browser has some hundred MiB, compressed.
pub const FILE_BYTES: u64 = 512 * 1024 * 1024;

/// Bytes of all its compressed sections, unpacked: a few KiB may stand for gigabytes. One that has more gives the names of its
/// symbol table, without what was inlined.
pub const UNPACKED_BYTES: u64 = 256 * 1024 * 1024;

/// Memory of the process that reads it, beside the file itself. It counts with the collector's.
pub const READER_DATA_BYTES: u64 = 512 * 1024 * 1024;

/// Single files of split DWARF that are read for one debug file at a time: a program has one a source file, and addresses of one
/// report are in few. A file may name any number.
pub const UNITS: usize = 32;

/// Bytes of those together, as they are on disk.
pub const UNITS_BYTES: u64 = FILE_BYTES;

/// Address space of that process: three files and the units, its data, the program.
pub const READER_SPACE_BYTES: u64 = 3 * FILE_BYTES + UNITS_BYTES + READER_DATA_BYTES + 1024 * 1024 * 1024;

/// Seconds of a processor that reading a file may take.
pub const READER_CPU_SECS: u64 = 20;

/// How long reading a file may take.
pub const READER_TIME: Duration = Duration::from_secs(60);

/// Bytes of the question to that process: addresses and a build-id.
pub const QUESTION_BYTES: u64 = 256 * 1024;

/// Bytes of its answer.
pub const ANSWER_BYTES: u64 = 8 * 1024 * 1024;

/// Bytes of names after which it ends its answer; addresses that are left have their turn in the next.
pub const NAMES_BYTES: usize = 3 * 1024 * 1024;

/// Functions at one address: how deep calls may be inlined. Compilers make a dozen or two.
pub const INLINED: usize = 32;

/// Bytes of a function's name, as the compiler wrote it. Those of templates have no end.
pub const FUNCTION_BYTES: usize = 8 * 1024;

/// Bytes of a source file's name.
pub const SOURCE_BYTES: usize = 256;

/// How long a server may take from the connection to the last byte.
pub const DOWNLOAD_TIME: Duration = Duration::from_secs(120);

/// How long a server may take to be reached, and to send the next byte.
pub const SILENT_TIME: Duration = Duration::from_secs(20);

/// Redirects that are followed, on the same server.
pub const REDIRECTS: usize = 3;

/// Files that a server may be asked for in vain, in an hour. Who makes build-ids up makes the collector ask for them.
pub const MISSES_AN_HOUR: u64 = 100;

/// Files from a server that are kept at hand for further addresses, and their bytes.
pub const KEPT_FILES: usize = 8;

/// Bytes of those.
pub const KEPT_BYTES: u64 = 2 * FILE_BYTES;

/// Bytes of the path by which a file names what it shares with others.
pub const PATH_BYTES: usize = 1024;
