//! Names of programs, libraries and modules of the kernel, without their versions.

use crate::groups::limits::TOKEN_BYTES;
use crate::groups::text::{Pattern, clean, cut, replace};
use regex::Regex;

/// What the kernel puts behind the path of a file that was deleted or replaced.
const DELETED: &str = " (deleted)";

/// `libc-2.31.so`, as it was before glibc 2.34: the version stands before the ending.
static VERSION_BEFORE: Pattern = Pattern::new(|| Regex::new(r"^(lib.+?)-[0-9][0-9.]*\.so$").ok());

/// `libfoo.so.1.2`: the first number is the interface's, the others are the build's.
static VERSION_BEHIND: Pattern = Pattern::new(|| Regex::new(r"^(.+\.so\.[0-9]+)[0-9.]*$").ok());

/// `_ssl.cpython-311-x86_64-linux-gnu.so`.
static INTERPRETER: Pattern = Pattern::new(|| Regex::new(r"\.(?:cpython|pypy)[-0-9a-z_]*\.so$").ok());

/// `python3.11`, `gcc-12`, `tool-1.2.3`.
static PROGRAM_VERSION: Pattern =
    Pattern::new(|| Regex::new(r"^(.*[^-.0-9].*?)(?:-[0-9]+(?:\.[0-9]+)*|(?:\.[0-9]+)+)$").ok());

/// The name of a program, from `Process:`; `unknown` if there is none.
#[must_use]
pub fn program(process: &str) -> String {
    let name = base_name(process);
    let name = replace(&name, &PROGRAM_VERSION, "$1");
    if name.is_empty() { "unknown".to_owned() } else { name }
}

/// The name of a program or library, from within the bracket of a frame.
#[must_use]
pub fn module(bracket: &str) -> String {
    let name = base_name(bracket);
    if !name.contains(".so") {
        return program(&name);
    }
    let name = replace(&name, &INTERPRETER, ".so");
    let name = replace(&name, &VERSION_BEFORE, "$1.so");
    replace(&name, &VERSION_BEHIND, "$1")
}

/// The name of a module of the kernel: its file has `-`, its symbol `_`.
#[must_use]
pub fn kernel_module(bracket: &str) -> String {
    let name = base_name(bracket).replace('-', "_");
    if name.is_empty() { "kernel".to_owned() } else { name }
}

fn base_name(path: &str) -> String {
    let path = path.trim_end();
    let path = path.strip_suffix(DELETED).unwrap_or(path).trim().trim_end_matches('/');
    let name = path.rsplit('/').next().unwrap_or(path);
    clean(cut(name, TOKEN_BYTES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_have_no_version() {
        for (process, name) in [
            ("/usr/bin/python3.11", "python3"),
            ("/usr/bin/python3.11 (deleted)", "python3"),
            ("python3", "python3"),
            ("/usr/bin/gcc-12", "gcc"),
            ("tool-1.2.3", "tool"),
            ("/usr/lib/systemd/systemd-udevd", "systemd-udevd"),
            ("perl5.36.0", "perl5"),
            ("/usr/lib/jvm/java-17-openjdk/bin/java", "java"),
            ("x86_64-linux-gnu-gcc-12", "x86_64-linux-gnu-gcc"),
            ("a.out", "a.out"),
            ("7z", "7z"),
            ("1.2", "1.2"),
            ("", "unknown"),
            ("/", "unknown"),
            (" (deleted)", "unknown"),
            ("a\u{202e}b\n", "a\u{fffd}b"),
        ] {
            assert_eq!(program(process), name, "{process}");
        }
        assert_eq!(program(&"ä".repeat(9000)).len(), TOKEN_BYTES);
    }

    #[test]
    fn libraries_keep_the_number_of_their_interface() {
        for (bracket, name) in [
            ("libc.so.6", "libc.so.6"),
            ("/lib/x86_64-linux-gnu/libfoo.so.1.2", "libfoo.so.1"),
            ("libfoo.so.12.34.56", "libfoo.so.12"),
            ("libc-2.31.so", "libc.so"),
            ("libpthread-2.31.so", "libpthread.so"),
            ("libgtk-3.so.0.2404.29", "libgtk-3.so.0"),
            ("libstdc++.so.6.0.30", "libstdc++.so.6"),
            ("_ssl.cpython-311-x86_64-linux-gnu.so", "_ssl.so"),
            ("ld-linux-x86-64.so.2", "ld-linux-x86-64.so.2"),
            ("libplug.so", "libplug.so"),
            ("/usr/bin/python3.11", "python3"),
            ("vdso", "vdso"),
            ("third party", "third party"),
            ("libx.so.1 (deleted)", "libx.so.1"),
        ] {
            assert_eq!(module(bracket), name, "{bracket}");
        }
    }

    #[test]
    fn modules_of_the_kernel_have_no_hyphens() {
        assert_eq!(kernel_module("snd-hda-intel"), "snd_hda_intel");
        assert_eq!(kernel_module("kernel"), "kernel");
        assert_eq!(kernel_module(""), "kernel");
    }
}
