//! The programs that crash: how they are built, and what a report of each has to say.
//!
//! A report is right if it names the functions in this order, and if gdb and eu-stack, given a core of the same crash,
//! report the same; where one of them does not, the entry says who is right and why.

use std::path::{Path, PathBuf};
use std::process::Command;
use test_harness::programs;

/// A program.
#[derive(Debug)]
pub struct Entry {
    /// Its file name.
    pub name: &'static str,
    /// A shell command that builds it as `$out`, from the sources in `$src`.
    pub build: &'static str,
    /// What the head of the report says of the cause.
    pub cause: &'static str,
    /// Functions of the crashing thread, innermost first: the first one is that of frame #0, the others come behind
    /// it in this order, with others between them.
    pub functions: &'static [&'static str],
    /// How many threads there are.
    pub threads: usize,
    /// What gdb says.
    pub gdb: Oracle,
    /// What eu-stack says.
    pub eu_stack: Oracle,
}

/// How a debugger's backtraces compare with ours.
#[derive(Clone, Copy, Debug)]
pub enum Oracle {
    /// Function by function the same, in each thread.
    Same,
    /// The same as far as these many frames, then not, for this reason.
    SameFor(usize, &'static str),
    /// Not to be compared, for this reason.
    Wrong(&'static str),
}

use Oracle::{Same, SameFor, Wrong};

pub(super) const NULL: &str = "SIGSEGV: address not mapped (null page)";
const ABORT: &str = "SIGABRT: sent by the program itself";
const CHAIN: &[&str] = &["innermost", "middle", "outer", "main", "_start"];

pub(super) const fn entry(
    name: &'static str,
    build: &'static str,
    cause: &'static str,
    functions: &'static [&'static str],
) -> Entry {
    Entry { name, build, cause, functions, threads: 1, gdb: Same, eu_stack: Same }
}

/// eu-stack 0.188 stops at a program counter that lies in no module.
const NO_GUESS: Oracle =
    SameFor(1, "eu-stack does not search for the return address that the call has left; gdb does");

/// eu-stack 0.188 knows neither Rust's names of today (`_R...`) nor inlined calls in libraries of Rust.
const NO_RUST: Oracle = SameFor(3, "eu-stack does not demangle Rust's names");

/// All of them, for the architecture of this machine, x86-64.
pub const X86_64: &[Entry] = &[
    entry("plain", "cc -g -O0 -o $out $src/null.c", NULL, CHAIN),
    entry("omit-frame-pointer", "cc -g -O2 -fomit-frame-pointer -fno-optimize-sibling-calls -o $out $src/null.c", NULL, CHAIN),
    entry("inlined", "cc -g -O3 -o $out $src/inlined.c", NULL, &["innermost", "middle", "outer", "main", "_start"]),
    entry("static-pie", "cc -g -O1 -static-pie -o $out $src/null.c", NULL, CHAIN),
    entry("stripped", "cc -O1 -o $out $src/null.c && strip $out", NULL, &["???", "???", "???", "???", "__libc_start_main"]),
    entry("stripped-exporting", "cc -O1 -rdynamic -o $out $src/null.c && strip $out", NULL, &["innermost", "middle", "outer", "main"]),
    entry(
        "debuglink",
        "cc -g -O1 -Wl,--build-id=none -o $out $src/null.c && objcopy --only-keep-debug $out $out.debug && strip $out &&
         cd $(dirname $out) && objcopy --add-gnu-debuglink=debuglink.debug debuglink",
        NULL,
        CHAIN,
    ),
    entry(
            "mini-debuginfo",
            "cc -g -O1 -o $out $src/null.c && nm -D $out --format=posix --defined-only | cut -d' ' -f1 | sort >$out.dynamic &&
             nm $out --format=posix --defined-only | awk '$2 == \"T\" || $2 == \"t\" { print $1 }' | sort >$out.functions &&
             comm -13 $out.dynamic $out.functions >$out.keep && objcopy --only-keep-debug $out $out.mini &&
             objcopy -S --remove-section .gdb_index --remove-section .comment --keep-symbols=$out.keep $out.mini &&
             strip $out && xz -f $out.mini && objcopy --add-section .gnu_debugdata=$out.mini.xz $out",
            NULL,
            CHAIN,
        ),
    entry(
        "debug-frame",
        "cc -g -O1 -fomit-frame-pointer -fno-asynchronous-unwind-tables -fno-unwind-tables -o $out $src/null.c",
        NULL,
        CHAIN,
    ),
    entry("noexcept", "c++ -g -O1 -o $out $src/noexcept.cc", ABORT, &["__pthread_kill_implementation", "abort", "_Unwind_RaiseException", "put", "promised", "main", "_start"]),
    entry("cxx-abort", "c++ -g -O1 -o $out $src/abort.cc", ABORT, &["__pthread_kill_implementation", "abort", "check", "main", "_start"]),
    Entry {
        eu_stack: NO_RUST,
        ..entry(
        "rust-panic",
        "rustc --edition 2021 -g -C panic=abort -o $out $src/panic.rs",
        ABORT,
        &["__pthread_kill_implementation", "abort", "expect_failed", "third", "main", "_start"],
    )
    },
    Entry {
        threads: 2,
        eu_stack: NO_RUST,
        ..entry(
            "rust-overflow",
            "rustc --edition 2021 -g -C panic=abort -o $out $src/overflow.rs",
            ABORT,
            &["__pthread_kill_implementation", "abort", "add", "start_thread"],
        )
    },
    entry("no-cfi", "cc -g -O1 -fno-omit-frame-pointer -o $out $src/no_cfi.c $src/no_cfi.S", NULL, &["innermost", "assembled", "outer", "main", "_start"]),
    Entry {
        eu_stack: SameFor(1, "eu-stack gives up at a function that has neither CFI nor a frame; gdb takes the return address as we do"),
        ..entry("no-cfi-leaf", "cc -g -O1 -o $out $src/no_cfi.c $src/no_cfi_leaf.S", NULL, &["assembled", "outer", "main", "_start"])
    },
    entry("alternate-stack", "cc -g -O1 -o $out $src/alternate_stack.c", NULL, &["in_handler", "handler", "__restore_rt", "raise", "interrupted", "main", "_start"]),
    entry("fault-handler", "cc -g -O1 -o $out $src/fault_handler.c", ABORT, &["__pthread_kill_implementation", "abort", "give_up", "__restore_rt", "faulting", "main", "_start"]),
    entry("stack-overflow", "cc -g -O1 -o $out $src/stack_overflow.c", "SIGSEGV: stack overflow", &["descend", "descend", "descend"]),
    entry("recursion", "cc -g -O1 -fno-optimize-sibling-calls -o $out $src/recursion.c", NULL, &["descend", "descend", "descend"]),
    Entry {
        gdb: SameFor(1, "gdb shows what overwrote the return address as if it were one, which is memory of the program"),
        eu_stack: SameFor(1, "eu-stack shows what overwrote the return address as if it were one"),
        ..entry("smashed-stack", "cc -g -O1 -fno-stack-protector -o $out $src/smashed_stack.c", "SIGSEGV: general protection (address not canonical, or not allowed)", &["smashed"])
    },
    Entry {
        eu_stack: NO_GUESS,
        ..entry("jump-to-null", "cc -g -O1 -o $out $src/jump.c", "SIGSEGV: jump to an address that is not mapped (null page)", &["???", "caller", "main", "_start"])
    },
    Entry {
        eu_stack: NO_GUESS,
        ..entry("jump-to-data", "cc -g -O1 -DDATA -o $out $src/jump.c", "SIGSEGV: jump to an address that is not executable", &["???", "caller", "main", "_start"])
    },
    entry("libc-strlen", "cc -g -O1 -o $out $src/libc_strlen.c", NULL, &["__strlen", "measure", "main", "_start"]),
    entry("libc-qsort", "cc -g -O1 -o $out $src/libc_qsort.c", NULL, &["compare", "msort_with_tmp", "qsort_r", "sort", "main", "_start"]),
    entry("libc-abort", "cc -g -O1 -o $out $src/libc_abort.c", ABORT, &["__pthread_kill_implementation", "abort", "check", "main", "_start"]),
    entry("vdso", "cc -g -O1 -o $out $src/vdso.c", NULL, &["__vdso_clock_gettime", "ask", "main", "_start"]),
    THREADS,
    Entry {
        eu_stack: SameFor(2, "eu-stack loses libc among that many mappings"),
        ..entry("mappings", "cc -g -O1 -o $out $src/mappings.c", NULL, &["crash", "main", "_start"])
    },
];

/// A 32-bit process: its report is short, and says why.
pub const BITS_32: Entry = Entry {
    gdb: Wrong("a process of 32 bits is not unwound"),
    eu_stack: Wrong("a process of 32 bits is not unwound"),
    ..entry("bits32", "cc -m32 -nostdlib -static -o $out $src/bits32.S", "", &[])
};

/// Programs for aarch64, whose cores qemu writes.
pub const AARCH64: &[Entry] = &[
    entry("aarch64-plain", "aarch64-linux-gnu-gcc -g -O1 -o $out $src/null.c", "", CHAIN),
    entry("aarch64-static", "aarch64-linux-gnu-gcc -g -O1 -static -o $out $src/null.c", "", CHAIN),
    entry(
        "aarch64-signed",
        "aarch64-linux-gnu-gcc -g -O1 -mbranch-protection=pac-ret -o $out $src/null.c",
        "",
        CHAIN,
    ),
    entry(
        "aarch64-alternate-stack",
        "aarch64-linux-gnu-gcc -g -O1 -mbranch-protection=pac-ret -o $out $src/alternate_stack.c",
        "",
        &["in_handler", "handler", "interrupted", "main", "_start"],
    ),
    Entry {
        threads: 9,
        ..entry(
            "aarch64-threads",
            "aarch64-linux-gnu-gcc -g -O1 -pthread -DTHREADS=8 -o $out $src/threads.c",
            "",
            &["crash", "main", "_start"],
        )
    },
];

/// A program with secrets.
pub const SECRET: Entry =
    entry("secret", "cc -g -O1 -o $out $src/secret.c", NULL, &["crash", "main", "_start"]);

/// A program that crashes when its input ends.
pub const WAITING: Entry =
    entry("waiting", "cc -g -O1 -o $out $src/waiting.c", NULL, &["innermost", "outer", "main", "_start"]);

/// A program whose thread has a name, and crashes.
pub const NAMED_THREAD: Entry = Entry {
    threads: 2,
    ..entry(
        "named-thread",
        "cc -g -O1 -pthread -o $out $src/named_thread.c",
        NULL,
        &["innermost", "thread_body", "start_thread"],
    )
};

/// The plain program.
pub const PLAIN: &Entry = &X86_64[0];

/// The program with 200 threads that wait.
pub const THREADS: Entry = Entry {
    threads: 201,
    ..entry("threads", "cc -g -O1 -pthread -o $out $src/threads.c", NULL, &["crash", "main", "_start"])
};

/// Where the programs are built.
pub fn folder() -> PathBuf {
    let folder = programs::folder().join("crash-corpus");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

impl Entry {
    /// A number of threads that differs from run to run.
    pub const ANY: usize = usize::MAX;

    pub(super) const fn with_threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// Builds it, if it is older than its sources or this table.
    ///
    /// # Panics
    /// A compiler fails.
    pub fn build(&self) -> PathBuf {
        let (folder, source) = (folder(), programs::source_root().join("tests/crash"));
        let out = folder.join(self.name);
        let recipe = folder.join(format!("{}.recipe", self.name));
        let is_fresh = std::fs::read_to_string(&recipe).is_ok_and(|found| found == self.build)
            && modified(&out) > newest(&source);
        if !is_fresh {
            let run = Command::new("sh")
                .args(["-ec", self.build])
                .env("out", &out)
                .env("src", &source)
                // Of the compiler of Go, which fetches nothing here.
                .envs([("GO111MODULE", "off"), ("GOFLAGS", ""), ("GOTOOLCHAIN", "local")])
                .env("GOCACHE", folder.join("go-cache"))
                .output()
                .unwrap();
            assert!(run.status.success(), "{}: {}", self.name, String::from_utf8_lossy(&run.stderr));
            std::fs::write(&recipe, self.build).unwrap();
        }
        out
    }
}

fn modified(path: &Path) -> Option<std::time::SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

fn newest(folder: &Path) -> Option<std::time::SystemTime> {
    std::fs::read_dir(folder).unwrap().filter_map(|entry| modified(&entry.unwrap().path())).max()
}
