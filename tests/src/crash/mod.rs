//! Real crashes: programs that crash in every way, the kernel's core_pattern, and what debuggers say of the same.

mod core_pattern;
mod corners;
pub mod corpus;
pub mod oracle;

pub use core_pattern::CorePattern;
pub use corners::{CORNERS, GO_AARCH64};

use test_harness::{Sandbox, programs};

/// What core_pattern has in an installation, for this sandbox. Since the kernel keeps 127 bytes, program and
/// configuration get short names in the sandbox, which has to be in the temporary folder.
///
/// # Panics
/// The names cannot be made.
pub fn crashprobe_pattern(sandbox: &Sandbox) -> String {
    let (program, config) = (sandbox.path("p"), sandbox.path("c"));
    if !program.exists() {
        std::os::unix::fs::symlink(programs::path("crashprobe"), &program).unwrap();
    }
    std::fs::copy(sandbox.config(), &config).unwrap();
    let arguments = "-p %e -E %E -s %s --pid=%P --tid=%I --dumpable=%d --pidfd=%F";
    format!("|{} -f {} {arguments}", program.display(), config.display())
}

/// Whether core_pattern can be set here. Says why not, and fails where it must be possible.
///
/// # Panics
/// Not root, though `CI=true` says that nothing may be skipped.
pub fn can_set_core_pattern(test: &str) -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        println!("{test}: skipped, since setting core_pattern needs root");
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "nothing may be skipped where CI=true");
    }
    is_root
}
