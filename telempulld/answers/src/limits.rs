//! Bounds of what is taken from others, each with its reason.

use std::time::Duration;

/// Longest body of a request, in bytes: the longest that X-Road's own tests send is some 3 KB, and outputSpec may name every
/// metric.
pub const BODY_BYTES: usize = 64 * 1024;

/// How long lists (processes, packages) are shown again before they are read anew: 30,000 processes take half a second.
pub const LISTS_AGE: Duration = Duration::from_secs(60);

/// How long readings are shown again: one reading a second, however many ask.
pub const READINGS_AGE: Duration = Duration::from_secs(1);

/// Over which time the windows are.
pub const WINDOW: Duration = Duration::from_secs(60 * 60);

/// Values of a window: one a second.
pub const WINDOW_VALUES: usize = 3600;

/// Longest file of a window, in bytes: 3,600 rows of six numbers.
pub const WINDOW_FILE_BYTES: u64 = 1024 * 1024;

/// Text of an answer that is made at one time, in bytes: lists are 17 MB with 30,000 processes.
pub const PIECE_BYTES: usize = 32 * 1024;
