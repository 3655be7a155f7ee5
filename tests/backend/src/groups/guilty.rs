//! The guilty: how the Flask backend grouped crashes, beside our groups, for those who compare.
//!
//! A guilty is a pair of function and module, both as they stand in the payload. Program, signal and the rest of the
//! stack play no part. What is in the blacklist, which people fill, is passed over:
//!
//! 1. Frames are those after the first line, up to the first line that is none.
//! 2. A frame whose pair is in the blacklist is passed over.
//! 3. The first frame `???`, or of a function that begins with `? `, is remembered and passed over; later `???` are passed
//!    over too, but a later `? f` is taken.
//! 4. The first frame left is guilty; else the remembered one; else the last that the blacklist took; else none.

use super::limits::{PAYLOAD_BYTES, PAYLOAD_LINES};
use super::payload::{Frame, UNNAMED};
use super::text::cut;
use std::collections::HashSet;

/// Pairs of function and module that are passed over.
pub type Blacklist = HashSet<(String, String)>;

/// Function and module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Guilty {
    /// The function, as it stands there, `()` included.
    pub function: String,
    /// The module.
    pub module: String,
    /// Its position in the backtrace, from 0.
    pub position: usize,
}

/// The classes whose records have a guilty.
pub const GUILTY_CLASSES: [&str; 4] = [
    "org.clearlinux/crash/clr",
    "org.clearlinux/kernel/bug",
    "org.clearlinux/kernel/stackoverflow",
    "org.clearlinux/kernel/warning",
];

/// Whether records of this class have a guilty.
#[must_use]
pub fn has_guilty(classification: &str) -> bool {
    GUILTY_CLASSES.contains(&classification)
}

/// Whether a frame is where every backtrace begins, so that it is not offered for the blacklist.
#[must_use]
pub fn is_beginning(frame: &Frame<'_>) -> bool {
    frame.function.starts_with("_start")
        || (frame.module == "libc.so.6" && frame.function.trim_end_matches("()") == "__libc_start_main")
}

/// The frames among which it is searched.
#[must_use]
pub fn backtrace(payload: &str) -> Vec<Frame<'_>> {
    let lines = cut(payload, PAYLOAD_BYTES).lines().take(PAYLOAD_LINES).skip(1);
    let frames = lines.map(Frame::parse).skip_while(Option::is_none);
    frames.map_while(|frame| frame).collect()
}

/// The guilty of a payload.
#[must_use]
pub fn guilty(payload: &str, blacklist: &Blacklist) -> Option<Guilty> {
    let (mut unknown, mut listed) = (None, None);
    for (position, frame) in backtrace(payload).into_iter().enumerate() {
        let pair = (frame.function.to_owned(), frame.module.to_owned());
        let is_listed = blacklist.contains(&pair);
        let guilty = Guilty { function: pair.0, module: pair.1, position };
        if is_listed {
            listed = Some(guilty);
        } else if frame.function == UNNAMED || (frame.is_uncertain() && unknown.is_none()) {
            unknown = unknown.or(Some(guilty));
        } else {
            return Some(guilty);
        }
    }
    unknown.or(listed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RAISE: &str = "raise() - [libc.so.6]";
    const ABORT: &str = "abort() - [libc.so.6]";

    fn found(payload: &str) -> Option<String> {
        let pair = |function: &str| (function.to_owned(), "libc.so.6".to_owned());
        let blacklist = Blacklist::from([pair("raise()"), pair("abort()")]);
        guilty(payload, &blacklist).map(|guilty| format!("{} [{}]", guilty.function, guilty.module))
    }

    fn of_frames(frames: &[&str]) -> Option<String> {
        let lines: Vec<_> = frames.iter().enumerate().map(|(at, frame)| format!("#{at} {frame}\n")).collect();
        found(&format!("Process: app\n\nBacktrace (TID 1):\n{}", lines.concat()))
    }

    #[test]
    fn the_thirteen_vectors() {
        for (frames, guilty) in [
            (vec!["f() - [m]", "g() - [m]"], "f() [m]"),
            (vec![RAISE, ABORT, "f() - [m]"], "f() [m]"),
            (vec![RAISE, ABORT], "abort() [libc.so.6]"),
            (vec!["??? - [a]", "??? - [b]", "f() - [m]"], "f() [m]"),
            (vec!["??? - [a]", "??? - [b]"], "??? [a]"),
            (vec![ABORT, "??? - [a]"], "??? [a]"),
            (vec!["? f - [kernel]", "g - [i915]"], "g [i915]"),
            (vec!["? f - [kernel]", "? g - [i915]"], "? g [i915]"),
            (vec!["? f - [kernel]"], "? f [kernel]"),
            (vec!["f() - []"], "f() []"),
            (vec!["a - [x] - [y] - f.c:1"], "a - [x] [y]"),
        ] {
            assert_eq!(of_frames(&frames).as_deref(), Some(guilty), "{frames:?}");
        }
        assert_eq!(found("#0 f() - [m]\n"), None, "a frame on the very first line");
        let text = "x\n#0 ??? - [a]\nRegister RIP: Zero\n#1 f() - [m]\n";
        assert_eq!(found(text).as_deref(), Some("??? [a]"), "the line ends the backtrace");
    }

    #[test]
    fn what_has_one() {
        assert!(has_guilty("org.clearlinux/crash/clr") && has_guilty("org.clearlinux/kernel/warning"));
        assert!(!has_guilty("org.clearlinux/kernel/panic") && !has_guilty("crash/clr"));
        assert_eq!(guilty("", &Blacklist::new()), None);
        let second = guilty("x\n#0 ??? - [a]\n#1 f - [m]\n", &Blacklist::new()).unwrap();
        assert_eq!(second.position, 1);
    }

    proptest! {
        #[test]
        fn without_a_blacklist_every_backtrace_has_one(frames in prop::collection::vec(
            prop_oneof![Just("f - [m]"), Just("??? - [m]"), Just("? g - [kernel]"), Just(RAISE)], 1..20)) {
            let lines: Vec<_> = frames.iter().enumerate().map(|(at, frame)| format!("#{at} {frame}\n")).collect();
            let payload = format!("x\n{}", lines.concat());
            let guilty = guilty(&payload, &Blacklist::new()).unwrap();
            let known = frames.iter().any(|frame| *frame != "??? - [m]" && !frame.starts_with('?'));
            prop_assert!(!known || guilty.function != UNNAMED);
        }
    }
}
