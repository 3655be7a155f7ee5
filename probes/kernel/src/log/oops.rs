//! An oops: what one failure of the kernel left in its log.

use super::limits::HARDWARE_ERRORS;
use super::line::{Caller, Line};
use super::privacy::{self, Privacy};
use super::styles::{self, Frame};
use super::{event, hardware_error, numbers, reporters};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::ControlFlow;

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// The kernel goes on.
    Warning,
    /// A part of the kernel ended.
    Bug,
    /// A bug that a sound driver found in its hardware.
    SoundBug,
    /// The kernel's stack was too small.
    StackOverflow,
    /// The machine ended.
    Panic,
    /// What the firmware kept of an error before the last start.
    Bert,
}

impl Kind {
    /// Classification of the record (contract).
    pub fn class(self) -> &'static str {
        match self {
            Kind::Warning => "org.clearlinux/kernel/warning",
            Kind::Bug | Kind::SoundBug => "org.clearlinux/kernel/bug",
            Kind::StackOverflow => "org.clearlinux/kernel/stackoverflow",
            Kind::Panic => "org.clearlinux/kernel/panic",
            Kind::Bert => "org.clearlinux/bert/debug",
        }
    }

    /// Severity of the record (contract), 1 to 4.
    pub fn severity(self) -> u32 {
        match self {
            Kind::Warning | Kind::SoundBug | Kind::Bert => 2,
            Kind::Bug | Kind::StackOverflow | Kind::Panic => 4,
        }
    }
}

/// What was found of an oops. Texts are as the kernel wrote them: [`Oops::payload`] says what of them may be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oops {
    /// What kind it is.
    pub kind: Kind,
    /// Its first line.
    pub reason: String,
    /// Position in the log of the first line.
    pub sequence: u64,
    /// Time of the first line since the start of the machine, in microseconds.
    pub stamp_us: Option<u64>,
    /// Who wrote it.
    pub caller: Option<Caller>,
    /// Asked for by the key and by the payload; none if it is the reason.
    filtered_reason: OnceCell<Option<String>>,
    pub(super) message: Option<String>,
    pub(super) die: Option<String>,
    /// The panic that ended the event.
    pub(super) panic: Option<String>,
    /// The line with the ticks of a stall.
    pub(super) stalled: Option<String>,
    pub(super) version: Option<String>,
    pub(super) tainted: Option<String>,
    pub(super) modules: Option<String>,
    /// Lines with registers.
    pub(super) registers: String,
    /// The line of the instruction pointer, if it names a function.
    pub(super) instruction: String,
    /// Lines of the call trace: frames, or instruction pointers of functions that were interrupted.
    pub(super) trace: String,
    pub(super) hardware_errors: Vec<String>,
    /// Lines of several processors were mixed, so that nobody knows whose frames there are.
    pub(super) is_mixed: bool,
    /// Lines of others within the call trace.
    pub(super) foreign_lines: usize,
    /// The log has each line twice.
    pub(super) is_doubled: bool,
}

impl Oops {
    pub(super) fn new(kind: Kind, reason: &str, line: &Line<'_>) -> Self {
        Self {
            kind,
            reason: reason.to_owned(),
            sequence: line.sequence,
            stamp_us: line.stamp_us,
            caller: line.caller,
            filtered_reason: OnceCell::new(),
            message: None,
            die: None,
            panic: None,
            stalled: None,
            version: None,
            tainted: None,
            modules: None,
            registers: String::new(),
            instruction: String::new(),
            trace: String::new(),
            hardware_errors: Vec::new(),
            is_mixed: false,
            foreign_lines: 0,
            is_doubled: false,
        }
    }

    /// Takes a hardware error; the severity that firmware gives decides of what kind it is.
    pub(super) fn add_hardware_error(&mut self, error: &str) {
        if self.kind != Kind::Bert && hardware_error::is_severe(error) {
            self.kind = Kind::Bug;
        }
        // What a panic prints a second time.
        let is_told = self.kind != Kind::Bert && self.has_hardware_error(error);
        if !is_told && self.hardware_errors.len() < HARDWARE_ERRORS {
            self.hardware_errors.push(error.to_owned());
        }
    }

    pub(super) fn has_hardware_error(&self, error: &str) -> bool {
        self.hardware_errors.iter().any(|known| known == error)
    }

    /// Two oopses of the same key are the same failure again: the numbers of processor, process and address do not
    /// count, nor do the functions that only report.
    pub fn key(&self) -> String {
        let mut key = String::with_capacity(KEY_BYTES);
        key.push_str(self.kind.class());
        key.push(' ');
        numbers::push_without_numbers(&mut key, self.filtered_reason());
        let mut names = 0;
        self.each_frame(|_, frame| {
            let name = frame.function.map_or("???", styles::without_suffixes);
            if names == 0 && reporters::is_reporter(name) {
                return ControlFlow::Continue(());
            }
            key.push(' ');
            key.push_str(name);
            names += 1;
            if names < KEY_FRAMES { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        key
    }

    /// Gives the frames to `take` with their numbers, until it breaks: 0 is where it happened, from 1 on comes the call trace,
    /// the innermost function first.
    pub(super) fn each_frame<'a>(&'a self, mut take: impl FnMut(usize, Frame<'a>) -> ControlFlow<()>) {
        let mut flow =
            styles::instruction(&self.instruction).map_or(ControlFlow::Continue(()), |frame| take(0, frame));
        let mut number = 0;
        let mut next = |flow: &mut ControlFlow<()>, frame| {
            if flow.is_continue() {
                number += 1;
                *flow = take(number, frame);
            }
        };
        let (mut last, mut is_first) = ("", true);
        for line in self.trace.lines() {
            // Of a log that has each line twice, every other one.
            if self.is_doubled && line == last {
                last = "";
                continue;
            }
            last = line;
            let mut has_frame = false;
            styles::each_frame(line, is_first, |frame| {
                has_frame = true;
                next(&mut flow, frame);
            });
            is_first = false;
            if !has_frame && let Some(frame) = styles::instruction(line) {
                next(&mut flow, frame);
            }
            if flow.is_break() {
                return;
            }
        }
    }

    /// The registers of the kernel, each once: names and values.
    pub(super) fn registers(&self) -> Vec<(&str, &str)> {
        event::registers(&self.registers)
    }

    /// The first line, without what may not be sent.
    pub(super) fn filtered_reason(&self) -> &str {
        let filtered =
            self.filtered_reason.get_or_init(|| match privacy::filtered(&self.reason, Privacy::Filtered) {
                Cow::Owned(filtered) => Some(filtered),
                Cow::Borrowed(_) => None,
            });
        filtered.as_deref().unwrap_or(&self.reason)
    }

    /// What distinguishes this oops from any other of this boot, wherever its lines were found: they are in the kernel's log
    /// and, after a crash, in pstore too. None without a time.
    pub fn fingerprint(&self) -> Option<String> {
        let mut hash = Sha256::new();
        hash.update(self.stamp_us?.to_le_bytes());
        hash.update(self.reason.as_bytes());
        Some(hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Frames that a key has.
const KEY_FRAMES: usize = 3;

/// Room for the keys of most oopses, in bytes.
const KEY_BYTES: usize = 256;
