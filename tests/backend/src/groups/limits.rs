//! Every bound of grouping: the number, and the mistake or attack that it stops. Anybody may know the TID, so every
//! payload may have been made up.

/// Bytes of a payload that are read. Clients send up to 1 MiB; the first thread stands at the top.
pub const PAYLOAD_BYTES: usize = 256 * 1024;

/// Lines of a payload that are read.
pub const PAYLOAD_LINES: usize = 4096;

/// Bytes of a reason, a message or an error that are read.
pub const LINE_BYTES: usize = 4096;

/// Frames of the first thread that are kept: ours sends 64, older clients whole stacks.
pub const FRAMES: usize = 1024;

/// Lines of a section `Modules:`, `Note:` and `Hardware Error:` that are kept, each.
pub const FACTS: usize = 256;

/// Bytes of a mangled name that are read by a demangler, whose work may grow faster than its input.
pub const MANGLED_BYTES: usize = 2048;

/// Bytes that a demangler may write: back references let a short name grow without end.
pub const DEMANGLED_BYTES: usize = 16 * 1024;

/// Bytes of a function's name that are read. C++ names run to thousands.
pub const FUNCTION_BYTES: usize = 8 * 1024;

/// Bytes of a normalised name, of a program, module, unit or function.
pub const TOKEN_BYTES: usize = 512;

/// Nested `<A as B>` that are read; what is deeper stays as it is.
pub const NESTED_PATHS: usize = 8;

/// Bytes of a normalised reason or message: enough for the longest sentence of the kernel that has a cause in it.
pub const SENTENCE_BYTES: usize = 160;

/// Tokens of a variant.
pub const VARIANT_FRAMES: usize = 32;

/// Frames of a variant among which a `cut` counts: machinery of failure stands at the top.
pub const CUT_FRAMES: usize = 16;

/// Frames of a signature.
pub const SIGNATURE_FRAMES: usize = 6;

/// Longest cycle of frames that is kept once.
pub const CYCLE_FRAMES: usize = 4;

/// Longest cycle of frames that is recognised in a stack overflow: a descent through a grammar of many levels.
pub const OVERFLOW_CYCLE_FRAMES: usize = 16;

/// Characters of a group's name.
pub const NAME_CHARS: usize = 255;

/// Hexadecimal digits of a build-id in a token: 8 bytes of the 20 distinguish modules.
pub const BUILD_ID_DIGITS: usize = 16;

/// Bytes of a file of rules.
pub const RULES_BYTES: usize = 1024 * 1024;

/// Rules in a file.
pub const RULES: usize = 10_000;

/// Bytes of a version; a longer one is no version.
pub const VERSION_BYTES: usize = 128;

/// New signatures of one program or unit in a day; the rest goes to its group "many different".
pub const NEW_SIGNATURES_OF_SUBJECT: u64 = 200;

/// New signatures in a day; the rest goes to the group "many different" of its kind.
pub const NEW_SIGNATURES: u64 = 5000;

/// New variants of one signature in a day; further ones are condensed to the frames of the name.
pub const NEW_VARIANTS_OF_SIGNATURE: u64 = 200;

/// Days without a record after which a group goes that never mattered.
pub const FORGET_DAYS: i64 = 400;

/// Machines on one day that make a group, a regression or a fix matter.
pub const MATTERING_MACHINES: u64 = 3;

/// Characters of a note or of a name that a person gave.
pub const NOTE_CHARS: usize = 4000;
