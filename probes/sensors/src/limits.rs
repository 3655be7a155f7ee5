//! Bounds of what is read, each with its reason.

use std::time::Duration;

/// Longest file of `/proc` and `/sys` that is read, in bytes: `/proc/stat` with a line for each of 8,192 processors and a
/// number for each interrupt. What is behind it is a line that was cut.
pub const PROC_BYTES: u64 = 1024 * 1024;

/// Longest list of mounts, in bytes: 4,000 mounts with long paths, as a machine full of containers has them.
pub const MOUNTS_BYTES: u64 = 4 * 1024 * 1024;

/// File systems that are asked for their space: each is a call that may hang.
pub const FILE_SYSTEMS: usize = 256;

/// Sensors of temperature that are read: some are slow, on a bus.
pub const TEMPERATURES: usize = 256;

/// Longest label's value, in bytes: longer paths are left out, since a cut one would name another.
pub const LABEL_BYTES: usize = 1024;

/// Directories of `/proc` that are counted: more than the kernel gives numbers to (`PID_MAX_LIMIT` is 4,194,304).
pub const PROCESSES: usize = 1 << 23;

/// How long a file system may take before another helper goes on with the next.
pub const PATIENCE: Duration = Duration::from_millis(100);

/// How long all of them may take together: a sample answers within a second.
pub const ANSWER_TIME: Duration = Duration::from_millis(900);

/// Longest list of packages that is read, in bytes: 10,000 packages with their descriptions are some 17 MB.
pub const PACKAGE_LIST_BYTES: u64 = 256 * 1024 * 1024;

/// Longest line of it that is read, in bytes; the descriptions and lists of files in it are longer.
pub const PACKAGE_LINE_BYTES: u64 = 16 * 1024;

/// Packages that are listed.
pub const PACKAGES: usize = 65_536;

/// Longest name and version of a package, in bytes.
pub const PACKAGE_WORD_BYTES: usize = 256;

/// How long `rpm` may take for its list.
pub const RPM_TIME: Duration = Duration::from_secs(20);

/// Longest file of certificates, in bytes: a bundle of all authorities is some 250 KB.
pub const CERTIFICATE_FILE_BYTES: u64 = 1024 * 1024;

/// Certificates that are watched.
pub const CERTIFICATES: usize = 256;

/// Longest OpenMetrics text of one part, in bytes: a record's payload.
pub const PART_BYTES: usize = 8192;

/// Parts of one sample.
pub const PARTS: usize = 16;

/// Processes that are listed, in entries of `/proc`: what a machine can have without being broken.
pub const PROCESSES_LISTED: usize = 100_000;

/// Longest command line that is listed, in bytes.
pub const ARGUMENTS_BYTES: u64 = 4096;

/// Longest `/etc/passwd` that names are looked up in, in bytes.
pub const PASSWD_BYTES: u64 = 4 * 1024 * 1024;
