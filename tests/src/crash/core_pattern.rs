//! `kernel.core_pattern`, set for a while. There is one for the whole machine.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, ChildStdin, Command, Stdio};

const PATTERN: &str = "/proc/sys/kernel/core_pattern";
const PIPE_LIMIT: &str = "/proc/sys/kernel/core_pipe_limit";
/// Whether set-user-id programs are dumped. An installation leaves it as the distribution has it, mostly 2.
const SUID_DUMPABLE: &str = "/proc/sys/fs/suid_dumpable";

/// Puts everything back when its standard input ends: when the guard goes, or the test that holds it, however it ends.
const RESTORE: &str = r#"trap '' INT TERM HUP; cat >/dev/null; printf '%s\n' "$3" >/proc/sys/fs/suid_dumpable
printf '%s\n' "$1" >/proc/sys/kernel/core_pattern; printf '%s\n' "$2" >/proc/sys/kernel/core_pipe_limit"#;

/// A core_pattern; the old one comes back when this is dropped, or when the test dies.
#[derive(Debug)]
pub struct CorePattern {
    restorer: Child,
    alive: Option<ChildStdin>,
    /// Held until all is put back: others wait for it.
    _lock: File,
}

impl CorePattern {
    /// Sets the pattern, has the kernel wait for handlers as an installation does, and has set-user-id programs dumped.
    /// Waits while another test has set one.
    ///
    /// # Panics
    /// Not root, or the pattern is longer than the kernel keeps.
    pub fn set(pattern: &str) -> Self {
        assert!(pattern.len() < 128, "the kernel keeps 127 bytes of {pattern}");
        let path = std::env::temp_dir().join("telemetry-core-pattern.lock");
        let lock = File::options().create(true).append(true).mode(0o600).open(path).unwrap();
        lock.lock().unwrap();
        let old = [PATTERN, PIPE_LIMIT, SUID_DUMPABLE]
            .map(|path| fs::read_to_string(path).unwrap().trim().to_owned());
        let mut restorer = Command::new("sh")
            .args(["-c", RESTORE, "restore"])
            .args(old)
            .stdin(Stdio::piped())
            // The lock lives on in it: a test that dies lets go only when all is put back.
            .stdout(lock.try_clone().unwrap())
            .spawn()
            .unwrap();
        let alive = restorer.stdin.take();
        let guard = Self { restorer, alive, _lock: lock };
        fs::write(PIPE_LIMIT, "64").unwrap();
        fs::write(PATTERN, pattern).unwrap();
        fs::write(SUID_DUMPABLE, "2").unwrap();
        guard
    }
}

impl Drop for CorePattern {
    fn drop(&mut self) {
        if let Some(mut alive) = self.alive.take() {
            let _ = alive.flush();
        }
        let _ = self.restorer.wait();
    }
}
