//! Limits of reading a core and of its report, each with what it protects from.

/// Frames of a thread (CONTRACT: 64). Recursion without end has hundreds of thousands.
pub const FRAMES: usize = 64;

/// Threads that are unwound. A report has room for a few dozen.
pub const THREADS: usize = 512;

/// Files mapped as code or data of the process.
pub const MODULES: usize = 4096;

/// Mappings of files: the kernel's own limit of the note is 4 MiB, which is room for about this many.
pub const MAPPINGS: usize = 131_072;

/// Memory segments: one a mapping, `vm.max_map_count` being 65530 unless an administrator raised it.
pub const SEGMENTS: usize = 262_144;

/// Longest note that is kept: the list of mapped files, 4 MiB by the kernel's own limit.
pub const NOTE_BYTES: usize = 4 * 1024 * 1024 + 4096;

/// All notes together: a thread has up to 12 KiB of vector registers, which are skipped.
pub const NOTES_BYTES: u64 = 1024 * 1024 * 1024;

/// Memory kept of a stream, where the process itself cannot be reached.
pub const KEPT_STREAM_BYTES: usize = 24 * 1024 * 1024;

/// Of that for the stack of a thread; the crashing one has eight times as much.
pub const KEPT_STACK_BYTES: usize = 64 * 1024;

/// The vdso: 4 to 16 KiB.
pub const VDSO_BYTES: usize = 64 * 1024;

/// A decompressed `.debug_frame`; that of a large program has a few MiB.
pub const DEBUG_FRAME_BYTES: u64 = 16 * 1024 * 1024;

/// Functions in the call frame information of one module without a sorted index of its own: 8 MiB of index.
pub const FRAME_DESCRIPTIONS: usize = 350_000;

/// Steps of a DWARF expression: it may jump backwards for ever. Real ones have about ten.
pub const EXPRESSION_STEPS: u32 = 1000;

/// Evaluated rows of call frame information that are kept, for recursion and for threads that wait in one function.
pub const CACHED_ROWS: usize = 4096;

/// What the decompressed debug data of one module may take that is kept. A module that needs more gives names, but no
/// lines.
pub const DEBUG_DATA_BYTES: u64 = 32 * 1024 * 1024;

/// What is decompressed of one module, the same parts again included: about a second.
pub const INFLATED_BYTES: u64 = 512 * 1024 * 1024;

/// Units of a module; browsers have 60,000.
pub const UNITS: usize = 1 << 20;

/// Longest unit that is read; those of link-time optimization have some 10 MB.
pub const UNIT_BYTES: u64 = 64 * 1024 * 1024;

/// Longest table of abbreviations.
pub const ABBREVIATIONS_BYTES: usize = 4 * 1024 * 1024;

/// Longest `.debug_aranges`; that of the Linux kernel has 1 MB.
pub const ARANGES_BYTES: u64 = 16 * 1024 * 1024;

/// Longest line program; a row takes 3 bytes or so.
pub const LINE_PROGRAM_BYTES: u64 = 64 * 1024 * 1024;

/// Longest index of a package of split DWARF.
pub const PACKAGE_INDEX_BYTES: u64 = 16 * 1024 * 1024;

/// Longest name as compilers write it; templates have names without end.
pub const MANGLED_NAME_BYTES: usize = 16 * 1024;

/// Decompressed mini debug information: a symbol table. The dictionary of its xz stream comes on top.
pub const MINI_DEBUG_BYTES: u64 = 16 * 1024 * 1024;

/// Memory of the decoder of that, in KiB: `xz -9` wants 65 MiB, and no distribution uses that.
pub const MINI_DEBUG_DECODER_KIB: u32 = 16 * 1024;

/// Longest function name that is kept. Templates have names without end.
pub const FUNCTION_NAME_BYTES: usize = 512;

/// Symbols of one table that are read; the largest programs have a few million.
pub const SYMBOLS: usize = 8_000_000;

/// Longest payload of a record (CONTRACT 1).
pub const PAYLOAD_BYTES: usize = telemetry_record::limits::PAYLOAD_BYTES;

/// Longest path (`PATH_MAX`).
pub const PATH_BYTES: usize = 4096;

/// Longest name in a directory (`NAME_MAX`).
pub const NAME_BYTES: usize = 255;
