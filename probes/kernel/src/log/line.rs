//! One line of the kernel, without what loggers put before it.

/// Who wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// A thread, by its id.
    Task(u32),
    /// A processor, in an interrupt.
    Processor(u32),
}

impl Caller {
    /// Reads `T123` or `C0`.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| text.parse().ok();
        match text.split_at_checked(1)? {
            ("T", rest) => number(rest).map(Caller::Task),
            ("C", rest) => number(rest).map(Caller::Processor),
            _ => None,
        }
    }
}

/// A line of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// What it says.
    pub text: &'a str,
    /// Who wrote it, where the log says.
    pub caller: Option<Caller>,
    /// Time since the start of the machine, in microseconds.
    pub stamp_us: Option<u64>,
    /// Where it stands in the log: any number that grows from line to line.
    pub sequence: u64,
    /// Whether it may be a program's: it has not the form that the log has.
    pub is_doubtful: bool,
}
