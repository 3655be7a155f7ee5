//! A part of the processors for a process, by a control group of version 1 or 2. Needs root.

use std::fs;
use std::path::{Path, PathBuf};

/// Microseconds that make a turn.
const PERIOD: u32 = 20_000;

pub(crate) struct Share(PathBuf);

impl Share {
    /// A group that may use so much of one processor.
    pub(crate) fn new(name: &str, of_processor: f64) -> Self {
        let quota = (f64::from(PERIOD) * of_processor) as u32;
        let name = format!("telemetry-bench-{}-{name}", std::process::id());
        let old = Path::new("/sys/fs/cgroup/cpu");
        let directory = if old.exists() { old.join(name) } else { Path::new("/sys/fs/cgroup").join(name) };
        if let Err(error) = fs::create_dir(&directory) {
            panic!(
                "{}: {error}; two collectors are held to a quarter of a processor by root alone",
                directory.display()
            );
        }
        let write = |file: &str, text: String| fs::write(directory.join(file), text);
        if old.exists() {
            write("cpu.cfs_period_us", PERIOD.to_string()).unwrap();
            write("cpu.cfs_quota_us", quota.to_string()).unwrap();
        } else {
            // There already where a systemd manages the groups.
            let _ = fs::write("/sys/fs/cgroup/cgroup.subtree_control", "+cpu");
            write("cpu.max", format!("{quota} {PERIOD}")).unwrap();
        }
        Self(directory)
    }

    /// Moves a process into it, with all its threads.
    pub(crate) fn take(&self, pid: u32) {
        fs::write(self.0.join("cgroup.procs"), pid.to_string()).unwrap();
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        // A process that was killed may be there for a moment.
        for _ in 0..50 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}
