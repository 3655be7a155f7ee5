//! Programs of another architecture crash under qemu, which writes their cores. Their report is made here.
//!
//! The table of the corpus is the oracle: gdb does not find the modules of such a core.

use std::fs;
use std::process::{Command, Stdio};
use system_tests::crash::corpus::{self, Entry};
use system_tests::crash::{GO_AARCH64, oracle};
use test_harness::Sandbox;

/// Where Debian's cross compiler has the libraries.
const LIBRARIES: &str = "/usr/aarch64-linux-gnu";

#[test]
fn cores_of_aarch64_are_reported_function_by_function() {
    let sandbox = Sandbox::new();
    sandbox.write("etc/opt-in-no-privacy-filters", "");
    let _telemprobd = sandbox.start_telemprobd();
    // A machine's root as the programs saw it: its libraries, and they.
    let root = sandbox.path("root");
    fs::create_dir_all(root.join("lib")).unwrap();
    for library in ["ld-linux-aarch64.so.1", "libc.so.6"] {
        fs::copy(format!("{LIBRARIES}/lib/{library}"), root.join("lib").join(library)).unwrap();
    }
    for entry in corpus::AARCH64.iter().chain(GO_AARCH64) {
        let program = entry.build();
        let inside = root.join(program.strip_prefix("/").unwrap());
        fs::create_dir_all(inside.parent().unwrap()).unwrap();
        fs::copy(&program, &inside).unwrap();
        let cores = sandbox.path(entry.name);
        fs::create_dir(&cores).unwrap();
        // `-cpu max` has pointer authentication. What the kernel makes of qemu's own end is of no interest.
        let status = Command::new("sh")
            .args([
                "-c",
                "ulimit -c unlimited; exec qemu-aarch64-static -cpu max \"$0\"",
                program.to_str().unwrap(),
            ])
            .env("QEMU_LD_PREFIX", LIBRARIES)
            .current_dir(&cores)
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(!status.success());
        let core = fs::read_dir(&cores)
            .unwrap()
            .map(|core| core.unwrap().path())
            .find(|path| path.file_name().unwrap().to_string_lossy().starts_with("qemu_"));
        let core = core.unwrap_or_else(|| panic!("qemu wrote no core of {}", entry.name));
        let output = sandbox.run(
            "crashprobe",
            &[
                "-c",
                core.to_str().unwrap(),
                "-p",
                entry.name,
                "-E",
                program.to_str().unwrap(),
                "--root",
                root.to_str().unwrap(),
                "-v",
            ],
        );
        assert!(output.status.success(), "{output:?}");
        let payload = String::from_utf8(output.stdout).unwrap();
        let threads = oracle::of_payload(&payload);
        let functions = oracle::crashed(&payload);
        let mut functions = functions.iter();
        for (number, expected) in entry.functions.iter().enumerate() {
            let expected = oracle::plain(expected);
            let is_there = match number {
                0 => functions.next() == Some(&expected),
                _ => functions.any(|function| *function == expected),
            };
            assert!(is_there, "{}: no {expected} in its place: {payload}", entry.name);
        }
        assert!(threads.len() == entry.threads || entry.threads == Entry::ANY, "{payload}");
        fs::remove_dir_all(cores).unwrap();
    }
}
