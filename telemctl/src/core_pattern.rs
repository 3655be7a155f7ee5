//! What the kernel does with a program that crashes: `/proc/sys/kernel/core_pattern`, and `core_pipe_limit`.
//! See core(5). The setting is the machine's; all installations share it.

use crate::exit_code::Failure;
use crate::installation::Installation;
use std::fs;
use std::io;
use std::path::Path;
use telemetry_config::Source;
use telemetry_files::bounded_file;

const PATTERN: &str = "/proc/sys/kernel/core_pattern";
const PIPE_LIMIT: &str = "/proc/sys/kernel/core_pipe_limit";

/// The handler, by the name of its program.
const CRASHPROBE: &str = "crashprobe";

/// The spellings of the option that names a configuration.
const CONFIG_OPTIONS: [&str; 3] = ["-f", "--config_file", "--config-file"];

/// The kernel's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CorePattern {
    /// The setting, as it stands there.
    pub(crate) text: String,
    /// Whether the kernel waits for a handler, so that the process is still there.
    pub(crate) waits: bool,
}

/// Why a crash is not reported to an installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// Crashes go elsewhere.
    Elsewhere(String),
    /// The handler is not there, or cannot be run: crashes go nowhere.
    NoProgram(String),
    /// The handler reports to another installation. The remedy depends on which.
    OtherInstallation(String, String),
}

impl CorePattern {
    /// Asks the kernel.
    ///
    /// # Errors
    /// `/proc` is not there or not readable.
    pub(crate) fn read() -> io::Result<Self> {
        let text = |path| {
            let bytes = bounded_file::read_head(Path::new(path), 4096)?;
            Ok::<_, io::Error>(String::from_utf8_lossy(&bytes).trim_end_matches('\n').to_owned())
        };
        Ok(Self { text: text(PATTERN)?, waits: text(PIPE_LIMIT)?.trim() != "0" })
    }

    /// What keeps crashes from being reported to this installation, if anything does.
    pub(crate) fn obstacle(&self, installation: &Installation) -> Option<Obstacle> {
        let source = match &installation.source {
            Source::File(path) => Some(path.as_path()),
            Source::Defaults => None,
        };
        self.judge(source, installation.is_private, is_program)
    }

    fn judge(
        &self,
        source: Option<&Path>,
        is_private: bool,
        is_program: impl Fn(&Path) -> bool,
    ) -> Option<Obstacle> {
        let mut words = self.text.strip_prefix('|').unwrap_or_default().split_ascii_whitespace();
        let program = Path::new(words.next().unwrap_or_default());
        if program.file_name().is_none_or(|name| name != CRASHPROBE) {
            return Some(Obstacle::Elsewhere(self.text.clone()));
        }
        if !is_program(program) {
            return Some(Obstacle::NoProgram(program.display().to_string()));
        }
        let named = config_of(words);
        match (named.as_deref().map(Path::new), source) {
            (None, _) if !is_private => None,
            (Some(named), Some(source)) if named == source => None,
            (named, source) => {
                let reports_to = named.map_or_else(|| "the system's".into(), Path::to_string_lossy);
                let remedy = match source.filter(|_| is_private) {
                    Some(source) => format!("put `-f {}` into it, behind the program", source.display()),
                    None => "run `sysctl --system`".to_owned(),
                };
                Some(Obstacle::OtherInstallation(reports_to.into_owned(), remedy))
            }
        }
    }
}

/// The configuration that the words of a command name.
fn config_of<'a>(words: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        for option in CONFIG_OPTIONS {
            let Some(rest) = word.strip_prefix(option) else { continue };
            let value = match rest.strip_prefix('=') {
                Some(value) => Some(value),
                None if rest.is_empty() => words.peek().copied(),
                // As in `-fFILE`.
                None => Some(rest).filter(|_| !option.starts_with("--")),
            };
            if let Some(value) = value {
                return Some(value.to_owned());
            }
        }
    }
    None
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

impl Obstacle {
    /// What is wrong.
    pub(crate) fn text(&self) -> String {
        match self {
            Obstacle::Elsewhere(pattern) => {
                format!("crashes do not go to crashprobe: kernel.core_pattern is `{pattern}`")
            }
            Obstacle::NoProgram(path) => {
                format!(
                    "kernel.core_pattern names {path}, which is no program that can be run: crashes are lost"
                )
            }
            Obstacle::OtherInstallation(config, _) => {
                format!("kernel.core_pattern has crashprobe report to another installation, {config}")
            }
        }
    }

    /// What to do about it.
    pub(crate) fn remedy(&self) -> &str {
        match self {
            Obstacle::Elsewhere(_) => {
                "`sysctl --system`, or a reboot, sets what sysctl.d/40-crash-probe.conf says unless a later file differs"
            }
            Obstacle::NoProgram(_) => "install crashprobe there, or run `sysctl --system`",
            Obstacle::OtherInstallation(_, remedy) => remedy,
        }
    }
}

impl From<Obstacle> for Failure {
    fn from(obstacle: Obstacle) -> Self {
        Failure::message(format!("{}; {}", obstacle.text(), obstacle.remedy()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(text: &str, source: Option<&str>, is_private: bool) -> Option<Obstacle> {
        let pattern = CorePattern { text: text.to_owned(), waits: true };
        pattern.judge(source.map(Path::new), is_private, |path| path.starts_with("/usr/bin"))
    }

    #[test]
    fn who_gets_the_crashes() {
        let elsewhere = |text: &str| Some(Obstacle::Elsewhere(text.to_owned()));
        let systemd = "|/usr/lib/systemd/systemd-coredump %P %u";
        for (text, obstacle) in [
            ("|/usr/bin/crashprobe -p %e --pidfd=%F", None),
            ("|/usr/bin/crashprobe", None),
            ("|/usr/bin/crashprobe -f /etc/t.conf -p %e", None),
            ("core", elsewhere("core")),
            ("", elsewhere("")),
            ("|", elsewhere("|")),
            ("/usr/bin/crashprobe", elsewhere("/usr/bin/crashprobe")),
            (systemd, elsewhere(systemd)),
            ("|/usr/bin/crashprobed", elsewhere("|/usr/bin/crashprobed")),
            ("|/opt/crashprobe %e", Some(Obstacle::NoProgram("/opt/crashprobe".to_owned()))),
        ] {
            assert_eq!(judged(text, Some("/etc/t.conf"), false), obstacle, "{text}");
        }
        let other = judged("|/usr/bin/crashprobe -f /home/t.conf", Some("/etc/t.conf"), false);
        assert!(matches!(&other, Some(Obstacle::OtherInstallation(config, _)) if config == "/home/t.conf"));
        assert_eq!(other.unwrap().remedy(), "run `sysctl --system`");
    }

    #[test]
    fn a_private_instance_is_named_in_the_pattern() {
        for (words, is_ours) in [
            ("-f /home/t.conf -p %e", true),
            ("-p %e -f/home/t.conf", true),
            ("--config_file=/home/t.conf", true),
            ("--config-file /home/t.conf", true),
            ("--config_fileX /home/t.conf", false),
            ("-f /home/other.conf", false),
            ("-p %e", false),
            ("-f", false),
        ] {
            let obstacle = judged(&format!("|/usr/bin/crashprobe {words}"), Some("/home/t.conf"), true);
            assert_eq!(obstacle.is_none(), is_ours, "{words}: {obstacle:?}");
            if let Some(obstacle) = obstacle {
                assert_eq!(obstacle.remedy(), "put `-f /home/t.conf` into it, behind the program");
            }
        }
    }

    #[test]
    fn a_program_can_be_run() {
        assert!(is_program(Path::new("/bin/sh")));
        assert!(!is_program(Path::new("/bin")));
        assert!(!is_program(Path::new("/proc/version")));
        assert!(!is_program(Path::new("/nonexistent")));
    }

    #[test]
    fn this_kernel_says_something() {
        CorePattern::read().unwrap();
    }
}
