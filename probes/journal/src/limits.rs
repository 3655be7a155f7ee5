//! Limits of what is taken from an entry. Any program may write to the journal, in fields of any size.

/// Longest message that is sent, in bytes: room for the line in which a service manager or a program says what went
/// wrong, and half of a payload.
pub const MESSAGE_BYTES: usize = 4096;

/// Longest name of a unit: `UNIT_NAME_MAX` of systemd is 256 with its terminator.
pub const UNIT_BYTES: usize = 255;

/// Longest other field that is read: names of programs, numbers.
pub(super) const WORD_BYTES: usize = 64;
