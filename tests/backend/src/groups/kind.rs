//! What kind of failure a record reports. It is decided first: failures of two kinds are never one group.

use super::payload::Payload;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The kind of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A program was ended by a signal.
    Crash,
    /// A program gave up: signal 6.
    Abort,
    /// A program's stack was full.
    StackOverflow,
    /// The kernel failed.
    KernelBug,
    /// The kernel complained.
    KernelWarning,
    /// The kernel stopped.
    KernelPanic,
    /// Processor, memory or firmware reported an error.
    Hardware,
    /// A unit of systemd ended with a failure.
    Unit,
}

/// Why a record is in no group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ungrouped {
    /// `crash/unknown`: a program that is nobody's business, of which no more is known. Counted under the list.
    ThirdParty,
    /// `crash/clr-build`: a program of a package that is being built, of which no more is known. Counted under the list.
    PackageBuild,
    /// It reports no failure.
    NoFailure,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Crash,
        Self::Abort,
        Self::StackOverflow,
        Self::KernelBug,
        Self::KernelWarning,
        Self::KernelPanic,
        Self::Hardware,
        Self::Unit,
    ];

    /// The name by which pages, rules and the database know it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Abort => "abort",
            Self::StackOverflow => "stack_overflow",
            Self::KernelBug => "kernel_bug",
            Self::KernelWarning => "kernel_warning",
            Self::KernelPanic => "kernel_panic",
            Self::Hardware => "hardware",
            Self::Unit => "unit",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether the kernel's own code failed.
    #[must_use]
    pub fn is_kernel(self) -> bool {
        matches!(self, Self::KernelBug | Self::KernelWarning | Self::KernelPanic)
    }

    /// Whether a program failed.
    #[must_use]
    pub fn is_program(self) -> bool {
        matches!(self, Self::Crash | Self::Abort | Self::StackOverflow)
    }

    /// Whether its records count as crashes in rates: something ended that should not have.
    #[must_use]
    pub fn is_crash(self) -> bool {
        self.is_program() || matches!(self, Self::KernelBug | Self::KernelPanic)
    }

    /// Whether its version is the kernel's.
    #[must_use]
    pub fn has_kernel_version(self) -> bool {
        self.is_kernel() || self == Self::Hardware
    }

    /// The kind of a record of this classification.
    ///
    /// # Errors
    /// Why it is in no group.
    pub fn classify(classification: &str, payload: &Payload<'_>) -> Result<Self, Ungrouped> {
        let mut parts = classification.rsplit('/');
        let (probe, area) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        match (area, probe) {
            ("kernel", _) => kernel(classification, probe, payload).ok_or(Ungrouped::NoFailure),
            ("mce" | "bert", _) => Ok(Self::Hardware),
            ("journal", "error") if super::reading::unit_of(payload).is_some() => Ok(Self::Unit),
            ("crash", "clr" | "error") => Ok(program(payload)),
            _ if payload.process.is_some() && !payload.frames.is_empty() => Ok(program(payload)),
            ("crash", "unknown") => Err(Ungrouped::ThirdParty),
            ("crash", "clr-build") => Err(Ungrouped::PackageBuild),
            _ => Err(Ungrouped::NoFailure),
        }
    }
}

/// `kernel/...`, and `crash/kernel/...` of the C client, which has more names.
fn kernel(classification: &str, probe: &str, payload: &Payload<'_>) -> Option<Kind> {
    if is_hardware(payload) {
        return Some(Kind::Hardware);
    }
    match probe {
        "bug" | "stackoverflow" => Some(Kind::KernelBug),
        "warning" => Some(Kind::KernelWarning),
        "panic" => Some(Kind::KernelPanic),
        _ if !classification.starts_with("crash/") && !classification.contains("/crash/") => None,
        // An interrupt that nobody wanted is a complaint.
        _ if payload.leading().starts_with("irq ") => Some(Kind::KernelWarning),
        _ => Some(Kind::KernelBug),
    }
}

fn is_hardware(payload: &Payload<'_>) -> bool {
    let words =
        ["Machine Check", "Machine check events", "machine check", "Hardware error", "[Hardware Error]"];
    !payload.hardware_errors.is_empty() || words.iter().any(|word| payload.leading().contains(word))
}

fn program(payload: &Payload<'_>) -> Kind {
    if payload.cause.is_some_and(|cause| cause.contains("stack overflow")) {
        Kind::StackOverflow
    } else if payload.signal == Some(6) {
        Kind::Abort
    } else {
        Kind::Crash
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAMES: &str = "Process: a\n#0 f() - [m]\n";

    #[test]
    fn the_kind_of_each_class() {
        let abort = format!("Signal: 6\n{FRAMES}");
        let overflow = format!("Signal: 11\nCause: SIGSEGV: stack overflow\n{FRAMES}");
        for (class, payload, kind) in [
            ("org.clearlinux/crash/clr", FRAMES, Ok(Kind::Crash)),
            ("org.clearlinux/crash/clr", abort.as_str(), Ok(Kind::Abort)),
            ("org.clearlinux/crash/clr", overflow.as_str(), Ok(Kind::StackOverflow)),
            ("org.clearlinux/crash/error", "Process: a\nError: x\n", Ok(Kind::Crash)),
            ("org.clearlinux/crash/unknown", "Crash from third party\n", Err(Ungrouped::ThirdParty)),
            (
                "org.clearlinux/crash/clr-build",
                "Crash from Clear package build\n",
                Err(Ungrouped::PackageBuild),
            ),
            ("org.clearlinux/crash/unknown", FRAMES, Ok(Kind::Crash)),
            ("com.example/app/died", FRAMES, Ok(Kind::Crash)),
            ("com.example/app/died", "#0 f() - [m]\n", Err(Ungrouped::NoFailure)),
            ("org.clearlinux/kernel/bug", "Reason: BUG: x\n", Ok(Kind::KernelBug)),
            ("org.clearlinux/kernel/stackoverflow", "", Ok(Kind::KernelBug)),
            ("org.clearlinux/kernel/warning", "", Ok(Kind::KernelWarning)),
            ("org.clearlinux/kernel/panic", "", Ok(Kind::KernelPanic)),
            ("org.clearlinux/kernel/version", "", Err(Ungrouped::NoFailure)),
            ("crash/kernel/irq", "Reason: irq 16: nobody cared\n", Ok(Kind::KernelWarning)),
            ("crash/kernel/alsa", "Reason: ALSA a.c:1: BUG: x\n", Ok(Kind::KernelBug)),
            ("crash/kernel/warning", "", Ok(Kind::KernelWarning)),
            ("org.clearlinux/kernel/warning", "Reason: Machine check events logged\n", Ok(Kind::Hardware)),
            (
                "org.clearlinux/kernel/panic",
                "Reason: Kernel panic - not syncing: Fatal machine check",
                Ok(Kind::Hardware),
            ),
            (
                "org.clearlinux/kernel/bug",
                "Reason: x\nHardware Error: event severity: fatal\n",
                Ok(Kind::Hardware),
            ),
            ("org.clearlinux/bert/debug", "BERT: Error records from previous boot:\n", Ok(Kind::Hardware)),
            ("org.clearlinux/mce/corrected", "", Ok(Kind::Hardware)),
            ("org.clearlinux/journal/error", "MESSAGE=x\nUNIT=a.service\n", Ok(Kind::Unit)),
            ("org.clearlinux/journal/error", "MESSAGE=a.service: exited\n", Ok(Kind::Unit)),
            ("org.clearlinux/journal/error", "MESSAGE=something\n", Err(Ungrouped::NoFailure)),
            ("org.clearlinux/heartbeat/ping", "hello\n", Err(Ungrouped::NoFailure)),
            ("", "", Err(Ungrouped::NoFailure)),
        ] {
            assert_eq!(Kind::classify(class, &Payload::parse(payload)), kind, "{class} {payload}");
        }
    }

    #[test]
    fn kinds_have_names() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
        assert_eq!(Kind::from_name("Crash"), None);
    }
}
