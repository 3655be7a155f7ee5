//! A private directory with what d48c008 left in it, as if it had been left a moment or some days ago.

use crate::expected::{golden, text};
use serde_json::Value;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use test_harness::{Sandbox, programs};

/// Where the programs of d48c008 ran.
const OLD_ROOT: &str = "/tmp/telemetry-d48c008";

/// The boot in which they ran.
const OLD_BOOT: &str = "52a75f69-dc19-4824-955a-6a632ec3a627";

/// Widths of the buckets of windows of 15, 20 and 60 minutes; 1 is a time in seconds.
const UNITS_SECS: [u64; 4] = [1, 15, 20, 60];

/// Two days and a half hour: every age is shown as `2 days 0 h`.
pub(crate) const TWO_DAYS: Duration = Duration::from_secs(2 * 86_400 + 1800);

/// What d48c008 left, in a sandbox of its own.
pub(crate) struct Inheritance {
    pub(crate) sandbox: Sandbox,
    old_secs: u64,
    /// How much later everything is; whole minutes, so that buckets stay whole.
    moved_secs: i64,
}

impl Inheritance {
    /// Files and directories below `left`, as they would be had they been left this long ago.
    pub(crate) fn new(age: Duration, parts: &[&str]) -> Self {
        let old_secs: u64 = text("left/when").trim().parse().unwrap();
        let left = i64::try_from(unix_secs() - age.as_secs()).unwrap();
        let moved_secs = (left - i64::try_from(old_secs).unwrap()).div_euclid(60) * 60;
        let inheritance = Self { sandbox: Sandbox::new(), old_secs, moved_secs };
        // Consent was given before anything happened.
        let given = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        set_modified(&inheritance.sandbox.path("etc/opt-in"), given);
        for part in parts {
            inheritance.copy(Path::new(part));
        }
        inheritance
    }

    fn copy(&self, part: &Path) {
        let (from, to) = (golden("left").join(part), self.sandbox.path(part.to_str().unwrap()));
        if from.is_dir() {
            make_directory(&to);
            for entry in fs::read_dir(from).unwrap() {
                self.copy(&part.join(entry.unwrap().file_name()));
            }
            return;
        }
        make_directory(to.parent().unwrap());
        let mut text = fs::read_to_string(from).unwrap();
        // Of a server's answer lists show so many characters, whatever the name of the directory is.
        if part.extension().is_none_or(|ending| ending != "answer") {
            let root = self.sandbox.path("").display().to_string();
            text = text.replace(OLD_ROOT, root.trim_end_matches('/'));
        }
        let text = self.moved_in_time(&text).replace(OLD_BOOT, running_boot().as_str());
        fs::write(&to, text).unwrap();
        set_modified(&to, UNIX_EPOCH + Duration::from_secs(self.moved(self.old_secs, 1)));
    }

    /// The text with every time, in seconds or in buckets of a window, as much later as the directory is.
    fn moved_in_time(&self, text: &str) -> String {
        replace_numbers(text, |number| {
            let unit =
                UNITS_SECS.into_iter().find(|unit| is_near(number.saturating_mul(*unit), self.old_secs))?;
            Some(self.moved(number, unit).to_string())
        })
    }

    fn moved(&self, number: u64, unit_secs: u64) -> u64 {
        number.checked_add_signed(self.moved_secs / i64::try_from(unit_secs).unwrap()).unwrap()
    }

    /// The text of a file of the sandbox.
    pub(crate) fn read(&self, name: &str) -> String {
        let path = self.sandbox.path(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// A JSON file of the sandbox.
    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    /// Runs telemctl, or a program that takes `--config` too, in the sandbox's surroundings and no others.
    pub(crate) fn telemctl(&self, program: &str, args: &[&str]) -> Output {
        let config = self.sandbox.config_arg();
        let args = [&["--config", config.as_str()], args].concat();
        let mut command = self.sandbox.command(program, &args);
        command.env_clear().env("TZ", "UTC").output().unwrap()
    }
}

/// Numbers that `change` gives something for are replaced by it. A number is of digits that no letter or digit touches.
pub(crate) fn replace_numbers(text: &str, change: impl Fn(u64) -> Option<String>) -> String {
    let mut result = String::with_capacity(text.len());
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let digits = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        match digits.parse().ok().and_then(&change) {
            Some(number) => {
                result.push_str(&number);
                result.push_str(&word[digits.len()..]);
            }
            None => result.push_str(word),
        }
    }
    result
}

/// Whether a time is within two hours of another, both in seconds.
fn is_near(secs: u64, other_secs: u64) -> bool {
    secs.abs_diff(other_secs) < 7200
}

fn make_directory(path: &Path) {
    fs::create_dir_all(path).unwrap();
    // Of state and run everybody may read some.
    let is_open = path.ends_with("state") || path.ends_with("run");
    fs::set_permissions(path, Permissions::from_mode(if is_open { 0o755 } else { 0o750 })).unwrap();
}

/// Makes a file as old as this.
pub(crate) fn set_modified(path: &Path, time: SystemTime) {
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

/// The clock.
pub(crate) fn unix_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The running boot, as the kernel writes it.
pub(crate) fn running_boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().trim().to_owned()
}

/// What a program said; fails unless it succeeded.
pub(crate) fn stdout(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Where the preloaded library for klogscanner lies, which stands for the kernel's log.
pub(crate) fn kernel_log_library(sandbox: &Sandbox) -> String {
    let library = sandbox.path("kernel_log.so");
    let status = std::process::Command::new("cc")
        .args(["-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(programs::source_root().join("tests/c/kernel_log.c"))
        .status()
        .unwrap();
    assert!(status.success());
    library.display().to_string()
}

/// A record in the spool.
#[derive(Debug)]
pub(crate) struct Spooled {
    /// The header lines.
    pub(crate) headers: String,
    pub(crate) payload: String,
}

impl Spooled {
    /// Whether a state file has this record, by its event id.
    pub(crate) fn is_named_in(&self, state: &str) -> bool {
        let id = self.headers.lines().find_map(|line| line.strip_prefix("event_id: ")).unwrap();
        state.contains(&format!("\"event_id\": \"{id}\""))
    }
}

/// The records in the spool, in the order of their payloads.
pub(crate) fn spooled(sandbox: &Sandbox) -> Vec<Spooled> {
    let records = sandbox.spooled().into_iter().map(|record| Spooled {
        headers: record.message.headers.as_str().to_owned(),
        payload: record.message.payload,
    });
    let mut records: Vec<_> = records.collect();
    records.sort_by(|one, other| one.payload.cmp(&other.payload));
    records
}

/// Their payloads.
pub(crate) fn payloads(records: &[Spooled]) -> Vec<&str> {
    records.iter().map(|record| record.payload.as_str()).collect()
}
