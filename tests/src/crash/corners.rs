//! More programs of the corpus: corners of unwinding, of naming, of debug information, and of what a cause is.

use super::corpus::Oracle::{SameFor, Wrong};
use super::corpus::{Entry, NULL, entry};

const CHAIN: &[&str] = &["innermost", "middle", "outer", "main", "_start"];

const fn fault(name: &'static str, build: &'static str, cause: &'static str) -> Entry {
    entry(name, build, cause, &["faulty", "main", "_start"])
}

/// All of them, for x86-64.
pub const CORNERS: &[Entry] = &[
    // Where frames are.
    entry("noreturn", "cc -g -O2 -fno-optimize-sibling-calls -o $out $src/noreturn.c", NULL, &["give_up", "outer", "main", "_start"]),
    entry("cold", "cc -g -O2 -o $out $src/cold.c", NULL, &["complain", "inspect", "main", "_start"]),
    entry("moving-stack", "cc -g -O1 -o $out $src/moving_stack.c", NULL, &["innermost", "outer", "aligned", "main", "_start"]),
    Entry {
        // Its stack ends there, which no debug information says.
        gdb: SameFor(2, "gdb goes on past the end of the coroutine's stack, and finds frames without a name"),
        eu_stack: SameFor(2, "the coroutine returns to the first byte of __start_context, as if a call stood before it; eu-stack tries that address"),
        ..entry("context", "cc -g -O1 -o $out $src/context.c", NULL, &["innermost", "coroutine", "__start_context"])
    },
    Entry {
        gdb: SameFor(2, "gdb makes up a second frame for code that is in no file, since it cannot read its prologue"),
        ..entry("generated", "cc -g -O1 -o $out $src/generated.c", NULL, &["innermost", "???", "outer", "main", "_start"])
    },
    // The kernel's core has no thread that has ended.
    entry("main-gone", "cc -g -O1 -pthread -o $out $src/main_gone.c", NULL, &["innermost", "thread_body", "start_thread"]),
    entry(
        "library",
        "cc -g -O1 -fpic -shared -DLIBRARY -o $out.so $src/library.c && cc -g -O1 -o $out $src/library.c",
        NULL,
        &["exported", "hidden", "plugin", "caller", "main", "_start"],
    ),
    entry("static", "cc -g -O1 -static -o $out $src/null.c", NULL, CHAIN),
    entry("no-pie", "cc -g -O1 -no-pie -o $out $src/null.c", NULL, CHAIN),
    entry("frame-pointer", "cc -g -O2 -fno-omit-frame-pointer -fno-optimize-sibling-calls -o $out $src/null.c", NULL, CHAIN),
    entry("no-build-id", "cc -g -O1 -Wl,--build-id=none -o $out $src/null.c", NULL, CHAIN),
    // The sorted index of functions is missing, so that all of .eh_frame has to be read.
    entry("no-index", "cc -g -O1 -static -Wl,--no-eh-frame-hdr -o $out $src/null.c", NULL, CHAIN),
    Entry {
        gdb: Wrong("gdb 13 goes on past _start, whose call frame information it does not find; gdb 16 ends by a fault of its own"),
        eu_stack: SameFor(0, "eu-stack reads the symbols that the dynamic linker has; ours are those of sections, which all but a few packed programs have"),
        ..entry(
            "no-sections",
            "cc -O1 -rdynamic -o $out $src/null.c && strip $out &&
             dd if=/dev/zero of=$out bs=1 seek=40 count=8 conv=notrunc && dd if=/dev/zero of=$out bs=1 seek=60 count=4 conv=notrunc",
            NULL,
            &["???", "???", "???", "???", "__libc_start_main", "???"],
        )
    },
    // How debug information is written.
    entry("compressed-zlib", "cc -g -O1 -gz=zlib -o $out $src/null.c", NULL, CHAIN),
    entry("compressed-debug-frame", "cc -g -O1 -gz=zlib -fomit-frame-pointer -fno-asynchronous-unwind-tables -fno-unwind-tables -o $out $src/null.c", NULL, CHAIN),
    entry("dwarf-4", "cc -gdwarf-4 -O3 -o $out $src/inlined.c", NULL, CHAIN),
    entry("dwarf-2", "cc -gdwarf-2 -gstrict-dwarf -O1 -o $out $src/null.c", NULL, CHAIN),
    entry("line-tables-only", "cc -g1 -O3 -o $out $src/inlined.c", NULL, CHAIN),
    entry("split-dwarf", "cc -g -gsplit-dwarf -O1 -o $out $src/null.c", NULL, CHAIN),
    entry("types", "cc -g -fdebug-types-section -O3 -o $out $src/inlined.c", NULL, CHAIN),
    entry("deep-names", "c++ -g -O1 -fno-optimize-sibling-calls -o $out $src/deep_names.cc", NULL, &["call", "__invoke_impl", "_M_invoke", "operator()", "operator()", "call", "call", "call", "call", "call", "call", "call", "main", "_start"]),
    // What a cause is.
    fault("division", "cc -g -O1 -DFAULT=DIVISION -o $out $src/faults.c", "SIGFPE: integer division by zero, or its result too large"),
    fault("illegal", "cc -g -O1 -DFAULT=ILLEGAL -o $out $src/faults.c", "SIGILL: illegal instruction"),
    fault("read-only", "cc -g -O1 -DFAULT=READ_ONLY -o $out $src/faults.c", "SIGSEGV: no permission (memory is read-only)"),
    fault("past-end", "cc -g -O1 -DFAULT=PAST_END -o $out $src/faults.c", "SIGBUS: memory that is not there (past the end of a mapped file)"),
    fault("not-canonical", "cc -g -O1 -DFAULT=NOT_CANONICAL -o $out $src/faults.c", "SIGSEGV: general protection (address not canonical, or not allowed)"),
    fault("wild", "cc -g -O1 -DFAULT=WILD -o $out $src/faults.c", "SIGSEGV: address not mapped"),
    fault("breakpoint", "cc -g -O1 -DFAULT=BREAKPOINT -o $out $src/faults.c", "SIGTRAP: breakpoint"),
];
