//! The frames of all threads, for those who show a payload: what a group is follows from the first thread alone.

use super::frame::Frame;
use super::{PAYLOAD_BYTES, PAYLOAD_LINES, cut};

/// Begins a thread, before its number.
const BEGIN: &str = "Backtrace (TID ";

/// A frame, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadFrame<'a> {
    /// The number of the thread, as the payload has it; none where it has none.
    pub thread: Option<&'a str>,
    /// The frame.
    pub frame: Frame<'a>,
}

/// All frames of a payload up to its modules, within the bounds of [`super::Payload::parse`].
pub fn frames_of_threads(text: &str) -> impl Iterator<Item = ThreadFrame<'_>> {
    let mut thread = None;
    let lines = cut(text, PAYLOAD_BYTES).lines().take(PAYLOAD_LINES).take_while(|line| *line != "Modules:");
    lines.filter_map(move |line| {
        if let Some(begin) = line.strip_prefix(BEGIN) {
            thread = begin.split([')', ' ']).next();
        }
        Frame::parse(line).map(|frame| ThreadFrame { thread, frame })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_frame_has_its_thread() {
        let payload = "Process: /usr/bin/editor\n\nBacktrace (TID 7):\n#0 ??? - [m] +0x10\n#1 main() - [editor]\n\n\
            Backtrace (TID 8):\nThread: worker\n#0 ??? - [m] +0x20\n\nModules:\nm 0123456789\n#0 f() - [none]\n";
        let found: Vec<_> = frames_of_threads(payload)
            .map(|found| (found.thread.unwrap(), found.frame.number, found.frame.offset()))
            .collect();
        assert_eq!(found, [("7", 0, Some(0x10)), ("7", 1, None), ("8", 0, Some(0x20))]);
        let kernel: Vec<_> = frames_of_threads("#0 f() - [m]\n#0 g() - [m]\n").collect();
        assert!(kernel.len() == 2 && kernel.iter().all(|found| found.thread.is_none()), "{kernel:?}");
    }
}
