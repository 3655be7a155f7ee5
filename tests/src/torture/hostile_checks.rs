//! Plugins that do what no plugin should, for checks.

use std::process::Command;

/// What one does, by name: a script for `/bin/sh` or perl.
pub const KINDS: [(&str, &str); 28] = [
    ("bombs", "#!/bin/sh\nb() { b | b & }; b; sleep 3600"),
    ("bombs-slowly", "#!/bin/sh\nwhile :; do sleep 3600 & done"),
    (
        "bombs-in-sessions",
        "#!/usr/bin/perl\nuse POSIX;\nwhile (1) { my $p = fork; setsid() if defined $p && !$p; }",
    ),
    // One process at a time, each time another.
    (
        "hops",
        "#!/usr/bin/perl\nuse POSIX;\nexit 0 if fork;\nwhile (1) { my $p = fork; exit 0 if $p; setsid() if defined $p; }",
    ),
    ("hops-on", "#!/usr/bin/perl\nwhile (1) { my $p = fork; exit 1 if $p; }"),
    (
        "daemonizes",
        "#!/usr/bin/perl\nuse POSIX;\nexit 0 if fork; setsid(); exit 0 if fork;\n$SIG{$_} = 'IGNORE' for qw(TERM HUP INT QUIT);\n\
         POSIX::close($_) for 0..255; sleep 3600 while 1;",
    ),
    ("leaves", "#!/bin/sh\nsetsid setsid sleep 3600 & setsid sh -c 'sleep 3600 & sleep 3600' & exit 1"),
    ("leaves-its-output", "#!/bin/sh\necho fine; sleep 3600 & exit 0"),
    (
        "wakes",
        "#!/usr/bin/perl\nmy @all = ($$);\nfor (1..12) { my $p = fork; if (!$p) { $SIG{TERM} = 'IGNORE'; kill 'CONT', -$all[0] while 1; } }\nexit 2;",
    ),
    ("floods", "#!/bin/sh\nyes 0123456789"),
    ("floods-errors", "#!/bin/sh\nyes 0123456789 >&2"),
    ("floods-and-ends", "#!/bin/sh\nhead -c 30000000 /dev/zero; exit 1"),
    ("hangs", "#!/bin/sh\nexec sleep 3600"),
    ("waits-for-words", "#!/bin/sh\ncat; sleep 3600"),
    ("ignores", "#!/bin/sh\ntrap '' TERM HUP INT QUIT; while :; do sleep 3600; done"),
    ("ignores-and-bombs", "#!/usr/bin/perl\n$SIG{TERM} = sub { fork for 1..5 };\nsleep 1 while 1;"),
    ("stops", "#!/bin/sh\nkill -STOP $$"),
    ("eats", "#!/usr/bin/perl\nmy @all; push @all, 'x' x 10_000_000 while 1;"),
    ("eats-with-children", "#!/usr/bin/perl\nfork for 1..3;\nmy $all = 'x' x 30_000_000;\nsleep 3600;"),
    ("binary", "#!/bin/sh\nhead -c 20000 /dev/urandom; exit 2"),
    ("escapes", "#!/bin/sh\nprintf '\\033]0;title\\007\\033[2J\\033[1;31m| a=\\0001 \\n'; exit 3"),
    ("closes", "#!/bin/sh\nexec <&- >&- 2>&-; echo nobody; echo hears >&2; exit 1"),
    ("closes-and-hangs", "#!/bin/sh\nexec <&- >&- 2>&-; sleep 3600"),
    (
        "opens",
        "#!/usr/bin/perl\nmy @all; while (open(my $f, '<', '/dev/null')) { push @all, $f } sleep 3600;",
    ),
    ("ends-oddly", "#!/bin/sh\nexit 200"),
    ("kills-itself", "#!/bin/sh\nkill -SEGV $$"),
    ("kills-its-parent", "#!/bin/sh\nsetsid sleep 3600 & kill -9 $PPID; sleep 3600"),
    ("stops-its-parent", "#!/bin/sh\nsetsid sleep 3600 & kill -STOP $PPID; sleep 3600"),
];

/// Those that only a kernel with signals in Landlock keeps from the other checks.
pub const KILLERS: [(&str, &str); 3] = [
    ("kills-all", "#!/bin/sh\nkill -9 -1; exit 1"),
    ("stops-all", "#!/usr/bin/perl\nkill 'STOP', -1; exit 1;"),
    (
        "kills-checkprobe",
        "#!/bin/sh\nfor p in /proc/[0-9]*; do read -r n <$p/comm && [ \"$n\" = checkprobe ] && kill -9 ${p#/proc/}; done; exit 1",
    ),
];

/// Whether this kernel keeps signals of a process inside (`LANDLOCK_SCOPE_SIGNAL`, version 6 of its interface).
///
/// # Panics
/// There is no perl.
#[must_use]
pub fn signals_stay_inside() -> bool {
    let script = "print syscall(444, 0, 0, 1)";
    let output = Command::new("perl").args(["-e", script]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().parse().is_ok_and(|version: i32| version >= 6)
}
