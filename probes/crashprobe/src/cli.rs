//! The command line. What the kernel fills in may be anything: a program chooses its name, and a value that is of no
//! use is as good as none.

use clap::Parser;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// Reports where a program crashed.
///
/// The kernel starts it for each crash (kernel.core_pattern); with -c it reports a core file.
#[derive(Debug, Parser)]
#[command(name = "crashprobe", version)]
pub struct Args {
    /// Configuration file [default: the system's]
    #[arg(short = 'f', long = "config_file", visible_alias = "config-file", value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Report this core file [default: standard input]
    #[arg(short = 'c', long = "core_file", visible_alias = "core-file", value_name = "CORE")]
    pub core_file: Option<PathBuf>,
    /// Name of the process
    #[arg(short = 'p', long = "process_name", visible_alias = "process-name", value_name = "NAME")]
    process_name: Option<OsString>,
    /// Path of the executable, with / or ! between names
    #[arg(short = 'E', long = "process_path", visible_alias = "process-path", value_name = "PATH")]
    process_path: Option<OsString>,
    /// Number of the signal
    #[arg(short = 's', long = "signal", value_name = "SIGNAL")]
    signal: Option<OsString>,
    /// Print the payload
    #[arg(short = 'v', long = "verbose")]
    pub verbose: bool,
    /// Search for the files of a core below this directory
    #[arg(long = "root", value_name = "DIR", default_value = "/")]
    pub root: PathBuf,
    /// Process id, for the kernel
    #[arg(long = "pid", value_name = "PID")]
    pid: Option<OsString>,
    /// Id of the thread that crashed, for the kernel
    #[arg(long = "tid", value_name = "TID")]
    tid: Option<OsString>,
    /// Whether others may see into the process, for the kernel
    #[arg(long = "dumpable", value_name = "0|1|2")]
    dumpable: Option<OsString>,
    /// Descriptor of the process, for the kernel
    #[arg(long = "pidfd", value_name = "FD")]
    pidfd: Option<OsString>,
}

impl Args {
    /// Whether the kernel started this, and not a person.
    pub fn is_of_kernel(&self) -> bool {
        self.pid.is_some()
    }

    /// The name of the process.
    pub fn name(&self) -> Option<String> {
        text(self.process_name.as_deref())
    }

    /// The path of the executable. The kernel writes `!` for each `/`, and words that are no path where it knows none.
    pub fn executable(&self) -> Option<String> {
        let path = text(self.process_path.as_deref())?;
        let path = if path.starts_with('!') { path.replace('!', "/") } else { path };
        path.starts_with('/').then_some(path)
    }

    /// The number of the signal.
    pub fn signal(&self) -> Option<i32> {
        number(self.signal.as_deref())
    }

    /// The process id.
    pub fn pid(&self) -> Option<i32> {
        number(self.pid.as_deref())
    }

    /// The id of the thread that crashed.
    pub fn tid(&self) -> Option<i32> {
        number(self.tid.as_deref())
    }

    /// The number of the descriptor of the process. Those of standard input, output and error are none.
    pub fn pidfd(&self) -> Option<i32> {
        number(self.pidfd.as_deref()).filter(|descriptor| *descriptor > 2)
    }

    /// Whether the user of the process may see into it; not if that is not known.
    pub fn is_open_to_its_user(&self) -> bool {
        number(self.dumpable.as_deref()) == Some(1)
    }
}

fn text(value: Option<&OsStr>) -> Option<String> {
    value.filter(|value| !value.is_empty()).map(|value| value.to_string_lossy().into_owned())
}

/// Process ids, thread ids, signals and descriptors are positive.
fn number(value: Option<&OsStr>) -> Option<i32> {
    value?.to_str()?.parse().ok().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;
    use telemetry_runtime::command_line;

    fn args(line: &[&str]) -> Args {
        command_line::try_parse_from([&["crashprobe"], line].concat()).unwrap()
    }

    #[test]
    fn the_kernels_line() {
        let args = args(&[
            "-p",
            "a b",
            "-E",
            "!usr!bin!a b",
            "-s",
            "11",
            "--pid=12",
            "--tid=13",
            "--dumpable=1",
            "--pidfd=3",
        ]);
        assert!(args.is_of_kernel() && args.is_open_to_its_user() && !args.verbose);
        assert_eq!(
            (args.name().as_deref(), args.executable().as_deref()),
            (Some("a b"), Some("/usr/bin/a b"))
        );
        assert_eq!(
            (args.signal(), args.pid(), args.tid(), args.pidfd()),
            (Some(11), Some(12), Some(13), Some(3))
        );
    }

    #[test]
    fn a_persons_line() {
        let args = args(&[
            "-f",
            "/x.conf",
            "--core_file",
            "core",
            "-v",
            "--process_path",
            "/bin/a!b",
            "--root",
            "/srv",
        ]);
        assert!(!args.is_of_kernel() && args.verbose && !args.is_open_to_its_user());
        assert_eq!(args.executable().as_deref(), Some("/bin/a!b"));
        assert_eq!((args.name(), args.signal(), args.pid()), (None, None, None));
        assert_eq!(args.root, PathBuf::from("/srv"));
    }

    #[test]
    fn what_a_process_calls_itself_is_taken_as_it_is() {
        for name in ["-v", "--help", "--", "-", "=", "a=b"] {
            let args = args(&["-p", name, "-E", "!usr!bin!x", "--pid=1"]);
            assert_eq!(args.name().as_deref(), Some(name));
            assert!(!args.verbose && args.executable().as_deref() == Some("/usr/bin/x"), "{name}");
        }
        let line = [OsStr::new("crashprobe"), OsStr::new("-p"), OsStr::from_bytes(b"a\xff")];
        assert_eq!(command_line::try_parse_from::<Args>(line).unwrap().name().as_deref(), Some("a\u{fffd}"));
    }

    #[test]
    fn values_without_use_are_none() {
        for value in ["", "x", "0", "-1", "99999999999", "%F", "2x"] {
            let line = ["signal", "pid", "tid", "dumpable", "pidfd"].map(|name| format!("--{name}={value}"));
            let args = args(&line.each_ref().map(String::as_str));
            assert_eq!((args.signal(), args.pid(), args.tid(), args.pidfd()), (None, None, None, None));
            assert!(!args.is_open_to_its_user() && args.is_of_kernel(), "{value}");
        }
        assert_eq!(args(&["--pidfd=2"]).pidfd(), None);
        for path in ["", "x", "name (path unknown)", "usr!bin!x"] {
            assert_eq!(args(&["-p", "", "-E", path]).executable(), None, "{path}");
        }
        assert_eq!(args(&["-p", ""]).name(), None);
    }
}
