//! What a client reports of a fault: class, payload, and the name that its group must have.

use super::dice::Dice;
use super::fault::{Fault, Subject};
use super::software::{System, kernel_version};
use crate::groups::kind::Kind;
use std::fmt::Write;

/// Shapes of crashes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Plain,
    Assertion,
    Generic,
    Panic,
    Overflow,
    NoSymbols,
}

impl Fault {
    /// The program, where a program has it.
    fn program(&self) -> String {
        match self.subject {
            Subject::Package(_, package) => format!("tool{package}x"),
            _ => format!("app{}x", self.number),
        }
    }

    /// The package, where one has it.
    #[must_use]
    pub fn package(&self) -> Option<String> {
        match self.subject {
            Subject::Package(_, package) => Some(format!("tool{package}")),
            _ => None,
        }
    }

    fn shape(&self) -> Shape {
        match self.number % 6 {
            0 => Shape::Plain,
            1 => Shape::Assertion,
            2 => Shape::Generic,
            3 => Shape::Panic,
            4 => Shape::Overflow,
            _ => Shape::NoSymbols,
        }
    }

    /// The kind of its group.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match (self.subject, self.shape()) {
            (Subject::Unit(_), _) => Kind::Unit,
            (Subject::Hardware, _) => Kind::Hardware,
            (Subject::Kernel, Shape::Plain | Shape::Generic) => Kind::KernelWarning,
            (Subject::Kernel, Shape::Panic) => Kind::KernelPanic,
            (Subject::Kernel, _) => Kind::KernelBug,
            (_, Shape::Assertion | Shape::Panic) => Kind::Abort,
            (_, Shape::Overflow) => Kind::StackOverflow,
            _ => Kind::Crash,
        }
    }

    /// The name of its group.
    #[must_use]
    pub fn group_name(&self) -> String {
        let number = self.number;
        let failed = match (self.subject, self.shape()) {
            (Subject::Unit(_), _) => return format!("job{number}@.service: exited, 3"),
            (Subject::Hardware, _) => return format!("hardware: fatal, section {}", section(number)),
            (Subject::Kernel, _) => {
                let fault = match self.kind() {
                    Kind::KernelWarning => "WARNING",
                    Kind::KernelPanic => "panic: Fatal exception",
                    _ => "NULL pointer dereference",
                };
                return format!("kernel: {fault} in drv{number}_write [drv{number}]");
            }
            (_, Shape::Generic) => format!("memcpy, Doc{number}::copy"),
            (_, Shape::Overflow) => format!("stack overflow in apply{number}, eval{number}"),
            (_, Shape::NoSymbols) => format!("libplug{number}.so.1+0x{:x} (no symbols)", 0x1000 + number),
            _ => format!("step{number}"),
        };
        format!("{}: {failed}", self.program())
    }

    /// Class and severity of its records.
    pub(super) fn class(&self) -> (&'static str, u8) {
        match self.kind() {
            Kind::Unit => ("org.clearlinux/journal/error", 2),
            Kind::Hardware => ("org.clearlinux/bert/debug", 2),
            Kind::KernelWarning => ("org.clearlinux/kernel/warning", 2),
            Kind::KernelPanic => ("org.clearlinux/kernel/panic", 4),
            Kind::KernelBug => ("org.clearlinux/kernel/bug", 4),
            _ => ("org.clearlinux/crash/clr", 3),
        }
    }

    /// The payload of a record; what is chance in it comes from the dice.
    pub(super) fn payload(&self, system: System, version: u32, dice: Dice) -> String {
        match self.subject {
            Subject::Unit(_) => {
                let unit = format!("job{}@u{}.service", self.number, dice.below(9));
                format!(
                    "MESSAGE={unit}: Main process exited, code=exited, status=3/NOTIMPLEMENTED\nUNIT={unit}\n"
                )
            }
            Subject::Hardware => format!(
                "BERT: Error records from previous boot:\n[Hardware Error]: event severity: fatal\n\
                 [Hardware Error]:   section type: unknown, {}\n",
                section(self.number)
            ),
            Subject::Kernel => self.kernel_report(version, dice),
            Subject::Package(..) | Subject::Program(_) => self.crash_report(system, version, dice),
        }
    }

    fn kernel_report(&self, version: u32, dice: Dice) -> String {
        let module = format!("drv{}", self.number);
        let reason = match self.kind() {
            Kind::KernelWarning => format!(
                "WARNING: CPU: {} PID: 77 at drivers/{module}.c:77 {module}_write+0x1/0x9 [{module}]",
                dice.below(8)
            ),
            Kind::KernelPanic => "Kernel panic - not syncing: Fatal exception".to_owned(),
            _ => "BUG: kernel NULL pointer dereference, address: 0000000000000010".to_owned(),
        };
        let mut text = format!(
            "Crash Report:\nReason: {reason}\nKernel Version : {}\nBacktrace :\nRegister RIP: Non-zero\n",
            kernel_version(version)
        );
        let top = if self.kind() == Kind::KernelPanic {
            vec!["dump_stack_lvl - [kernel]", "panic - [kernel]"]
        } else {
            Vec::new()
        };
        let own = format!("{module}_write.isra.{} - [{module}]", dice.below(3));
        let below = ["? __die_body.cold - [kernel]", "vfs_write - [kernel]", "do_syscall_64 - [kernel]"];
        push_frames(&mut text, top.into_iter().chain([own.as_str()]).chain(below));
        text
    }

    fn crash_report(&self, system: System, version: u32, dice: Dice) -> String {
        let (program, number) = (self.program(), self.number);
        let signal = if self.kind() == Kind::Abort { 6 } else { 11 };
        let mut text =
            format!("Process: /usr/bin/{program}\nPID: {}\nSignal: {signal}\n", 100 + dice.below(30_000));
        if self.shape() == Shape::Overflow {
            text.push_str("Cause: SIGSEGV: stack overflow\n");
        }
        if let (Subject::Package(_, package), Some(name)) = (self.subject, self.package()) {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "Package: {name} {}", system.package_version(package, version));
        }
        let _ = write!(text, "\nBacktrace (TID {}):\n", 100 + dice.below(30_000));
        let mut frames = self.frames(&program, dice);
        // Callers differ: the variants of a group.
        frames.push(format!("caller{}() - [{program}]", dice.with(5).below(3)));
        frames.push(format!("main() - [{program}] - main.c:{}", 10 + version));
        if self.shape() == Shape::NoSymbols {
            frames.truncate(2);
        }
        push_frames(&mut text, frames.iter().map(String::as_str));
        if self.shape() == Shape::NoSymbols {
            let _ = write!(
                text,
                "\nModules:\nlibplug{number}.so.1.4 {:040x} +0x{:x}\n",
                0xabcd_0000_u64 + u64::from(number),
                0x1000 + number
            );
        }
        text
    }

    fn frames(&self, program: &str, dice: Dice) -> Vec<String> {
        let number = self.number;
        let of = |functions: &[&str], module: &str| {
            functions.iter().map(|f| format!("{f} - [{module}]")).collect::<Vec<_>>()
        };
        let own = |text: String| format!("{text} - [{program}]");
        match self.shape() {
            Shape::Plain => vec![own(format!("step{number}()"))],
            Shape::Assertion => {
                let mut frames =
                    of(&["raise()", "abort()", "__assert_fail_base.cold", "__assert_fail()"], "libc.so.6");
                frames.push(own(format!("step{number}.part.{}", dice.below(3))));
                frames
            }
            Shape::Generic => {
                let mut frames = of(&["__memcpy_avx_unaligned_erms()"], "libc.so.6");
                frames.push(own(format!("Doc{number}::copy(std::vector<int, A<int> > const&)")));
                frames
            }
            Shape::Panic => {
                let mut frames = of(&["raise()", "abort()"], "libc.so.6");
                frames.extend(of(&["rust_panic", "core::panicking::panic_fmt"], program));
                frames.push(own(format!("step{number}::h{:016x}", dice.number())));
                frames
            }
            Shape::Overflow => {
                let cycle = [own(format!("eval{number}()")), own(format!("apply{number}()"))];
                let (skipped, depth) = (dice.with(6).below(2), 20 + dice.with(7).below(20));
                let cycle = cycle.into_iter().cycle().skip(usize::from(skipped == 1));
                cycle.take(usize::try_from(depth).unwrap_or(20)).collect()
            }
            Shape::NoSymbols => vec![format!("??? - [libplug{number}.so.1.4] +0x{:x}", 0x1000 + number)],
        }
    }
}

fn push_frames<'a>(text: &mut String, frames: impl Iterator<Item = &'a str>) {
    for (number, frame) in frames.enumerate() {
        let _ = writeln!(text, "#{number} {frame}");
    }
}

/// An id of a section that no kernel knows.
fn section(number: u32) -> String {
    format!("{number:08x}-09ed-4996-9471-8d729c8e69ed")
}
