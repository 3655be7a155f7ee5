//! More programs of the corpus: corners of unwinding, of naming, of debug information, and of what a cause is.

use super::corpus::Oracle::{self, SameFor, Wrong};
use super::corpus::{Entry, NULL, entry};

const CHAIN: &[&str] = &["innermost", "middle", "outer", "main", "_start"];

const fn fault(name: &'static str, build: &'static str, cause: &'static str) -> Entry {
    entry(name, build, cause, &["faulty", "main", "_start"])
}

const NO_SPLIT: Oracle = Wrong("eu-stack 0.188 knows no inlined calls of split DWARF");

/// What a program of Go is, whose core Go itself makes: the kernel's signal is the last of several.
const fn go(name: &'static str, build: &'static str, functions: &'static [&'static str]) -> Entry {
    let gdb = Wrong("gdb ends at the trampoline of the signal handler, or knows no function");
    let eu_stack = Wrong("eu-stack ends at the trampoline of the signal handler, or knows no function");
    let cause = "SIGABRT: sent by the program itself";
    Entry { threads: Entry::ANY, gdb, eu_stack, ..entry(name, build, cause, functions) }
}

const GO_NIL: &[&str] =
    &["runtime.raise", "runtime.sigpanic", "main.(*target).read", "main.middle", "main.outer", "main.main"];
const GO_GOROUTINE: &[&str] = &[
    "runtime.raise",
    "runtime.sigpanic",
    "main.(*target).read",
    "main.middle",
    "main.outer",
    "runtime.goexit",
];

const DEEP_NAMES: &[&str] = &[
    "call",
    "__invoke_impl",
    "_M_invoke",
    "operator()",
    "operator()",
    "call",
    "call",
    "call",
    "call",
    "call",
    "call",
    "call",
    "main",
    "_start",
];

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
        ..entry(
            "no-sections",
            "cc -O1 -rdynamic -o $out $src/null.c && strip $out &&
             dd if=/dev/zero of=$out bs=1 seek=40 count=8 conv=notrunc && dd if=/dev/zero of=$out bs=1 seek=60 count=4 conv=notrunc",
            NULL,
            CHAIN,
        )
    },
    entry("thread-overflow", "cc -g -O1 -pthread -o $out $src/thread_overflow.c", "SIGSEGV: stack overflow", &["descend", "descend", "descend"]).with_threads(2),
    Entry {
        gdb: Wrong("gdb finds no frame above the other stack, which lies above"),
        ..entry("other-stack", "cc -g -O1 -fomit-frame-pointer -o $out $src/other_stack.c $src/other_stack.S", NULL, &["innermost", "on_new", "call_on", "before", "call_on", "main", "_start"])
    },
    Entry {
        gdb: Wrong("gdb finds no frame above the other stack, which lies above"),
        eu_stack: SameFor(1, "eu-stack ends in clone3, which the other thread had just called"),
        ..entry(
            "other-stack-of-thread",
            "cc -g -O1 -fomit-frame-pointer -DTHREAD -pthread -o $out $src/other_stack.c $src/other_stack.S",
            NULL,
            &["innermost", "on_new", "call_on", "before", "thread_body", "start_thread"],
        )
        .with_threads(2)
    },
    entry("remembered", "cc -g -O1 -fomit-frame-pointer -o $out $src/remembered.c $src/remembered.S", NULL, &["remembering", "outer", "main", "_start"]),
    entry("moved-text", "cc -g -O2 -fomit-frame-pointer -o $out $src/moved_text.c", NULL, CHAIN),
    Entry {
        gdb: SameFor(2, "gdb cannot read the prologue of a handler without call frame information"),
        ..entry(
            "bare-handler",
            "cc -O2 -fno-omit-frame-pointer -fno-asynchronous-unwind-tables -DPART=1 -c -o $out.1.o $src/bare_handler.c &&
             cc -O2 -DPART=2 -c -o $out.2.o $src/bare_handler.c && cc -o $out $out.1.o $out.2.o",
            "SIGABRT: sent by a process",
            &["kill", "give_up", "handler", "__restore_rt", "innermost", "middle", "main", "_start"],
        )
    },
    Entry {
        gdb: SameFor(2, "gdb looks for the caller of the next function"),
        ..entry(
            "bare-tail",
            "cc -O2 -fno-omit-frame-pointer -DPART=1 -c -o $out.1.o $src/bare_tail.c &&
             cc -O2 -fno-omit-frame-pointer -fno-asynchronous-unwind-tables -falign-functions=1 -DPART=2 -c -o $out.2.o $src/bare_tail.c &&
             cc -O2 -fno-omit-frame-pointer -falign-functions=1 -DPART=3 -c -o $out.3.o $src/bare_tail.c &&
             cc -o $out $out.1.o $out.2.o $out.3.o",
            NULL,
            &["die", "bare_tail", "middle", "main", "_start"],
        )
    },
    // What functions are called.
    entry("short-names", "cc -g -O1 -o $out $src/short_names.c", NULL, &["f", "i", "Pc", "Ss", "u8_toupper", "main", "_start"]),
    Entry {
        eu_stack: Wrong("eu-stack with -i believes the debug data of the dropped function"),
        ..entry(
            "dropped",
            "cc -g -O1 -ffunction-sections -c -o $out.o $src/dropped.c &&
             cc -O1 -ffunction-sections -Wl,--gc-sections -o $out $src/null.c $out.o",
            NULL,
            CHAIN,
        )
    },
    entry(
        "many-lines",
        "cc -g -c -o $out.o $src/many_lines.S && cc -g -O1 -o $out $src/many_lines.c $out.o && rm $out.o",
        NULL,
        &["innermost", "generated", "main", "_start"],
    ),
    // Programs of Go, which gdb and eu-stack lose at the first signal.
    go("go", "go build -o $out $src/nil.go", GO_NIL),
    go("go-stripped", "go build -ldflags='-s -w' -o $out $src/nil.go", GO_NIL),
    go("go-goroutine", "go build -ldflags='-s -w' -o $out $src/nil.go", GO_GOROUTINE),
    go("go-pie", "go build -buildmode=pie -o $out $src/nil.go", GO_NIL),
    go("go-pie-stripped", "go build -buildmode=pie -ldflags='-s -w' -o $out $src/nil.go", GO_NIL),
    go("go-deadlock", "go build -ldflags='-s -w' -o $out $src/deadlock.go", &["runtime.raise", "runtime.checkdead"]),
    // How debug information is written.
    entry("compressed-zlib", "cc -g -O1 -gz=zlib -o $out $src/null.c", NULL, CHAIN),
    entry("compressed-debug-frame", "cc -g -O1 -gz=zlib -fomit-frame-pointer -fno-asynchronous-unwind-tables -fno-unwind-tables -o $out $src/null.c", NULL, CHAIN),
    entry("dwarf-4", "cc -gdwarf-4 -O3 -o $out $src/inlined.c", NULL, CHAIN),
    entry("dwarf-2", "cc -gdwarf-2 -gstrict-dwarf -O1 -o $out $src/null.c", NULL, CHAIN),
    entry("line-tables-only", "cc -g1 -O3 -o $out $src/inlined.c", NULL, CHAIN),
    entry(
        "debug-frame-stripped-off",
        "cc -g -O2 -fomit-frame-pointer -fno-optimize-sibling-calls -fno-asynchronous-unwind-tables -o $out $src/null.c &&
         objcopy --only-keep-debug $out $out.debug && strip -g $out && cd $(dirname $out) &&
         objcopy --add-gnu-debuglink=debug-frame-stripped-off.debug debug-frame-stripped-off",
        NULL,
        CHAIN,
    ),
    Entry {
        eu_stack: NO_SPLIT,
        ..entry("split-dwarf-inlined", "cd $(dirname $out) && cc -g -gsplit-dwarf -O3 -o $out $src/inlined.c", NULL, CHAIN)
    },
    Entry {
        eu_stack: NO_SPLIT,
        ..entry("split-dwarf-4", "cd $(dirname $out) && cc -gdwarf-4 -gsplit-dwarf -O3 -o $out $src/inlined.c", NULL, CHAIN)
    },
    Entry {
        eu_stack: NO_SPLIT,
        ..entry(
            "split-dwarf-package",
            "cd $(dirname $out) && cc -gdwarf-4 -gsplit-dwarf -O3 -o $out $src/inlined.c && dwp -e $out -o $out.dwp && rm $out-*.dwo",
            NULL,
            CHAIN,
        )
    },
    entry("split-dwarf", "cc -g -gsplit-dwarf -O1 -o $out $src/null.c", NULL, CHAIN),
    // Units that refer to each other.
    entry("shared-units", "c++ -g -O1 -fno-optimize-sibling-calls -o $out $src/deep_names.cc $src/many_units.cc && dwz $out", NULL, DEEP_NAMES),
    entry("types", "cc -g -fdebug-types-section -O3 -o $out $src/inlined.c", NULL, CHAIN),
    entry("deep-names", "c++ -g -O1 -fno-optimize-sibling-calls -o $out $src/deep_names.cc", NULL, DEEP_NAMES),
    // What a cause is.
    fault("division", "cc -g -O1 -DFAULT=DIVISION -o $out $src/faults.c", "SIGFPE: integer division by zero, or its result too large"),
    fault("illegal", "cc -g -O1 -DFAULT=ILLEGAL -o $out $src/faults.c", "SIGILL: illegal instruction"),
    fault("read-only", "cc -g -O1 -DFAULT=READ_ONLY -o $out $src/faults.c", "SIGSEGV: no permission (memory is read-only)"),
    fault("past-end", "cc -g -O1 -DFAULT=PAST_END -o $out $src/faults.c", "SIGBUS: memory that is not there (past the end of a mapped file)"),
    fault("not-canonical", "cc -g -O1 -DFAULT=NOT_CANONICAL -o $out $src/faults.c", "SIGSEGV: general protection (address not canonical, or not allowed)"),
    fault("wild", "cc -g -O1 -DFAULT=WILD -o $out $src/faults.c", "SIGSEGV: address not mapped"),
    fault("breakpoint", "cc -g -O1 -DFAULT=BREAKPOINT -o $out $src/faults.c", "SIGTRAP: breakpoint"),
];

/// Programs of Go for aarch64.
pub const GO_AARCH64: &[Entry] = &[
    go("aarch64-go", "GOARCH=arm64 CGO_ENABLED=0 go build -o $out $src/nil.go", GO_NIL),
    go(
        "aarch64-go-goroutine",
        "GOARCH=arm64 CGO_ENABLED=0 go build -ldflags='-s -w' -o $out $src/nil.go",
        GO_GOROUTINE,
    ),
];
