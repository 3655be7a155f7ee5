//! What a runner says of a run: a line, and what was printed.
//!
//! ```text
//! exit NUMBER     a plugin ended so; its output follows
//! signal NUMBER   it was ended by that
//! timeout         it took too long; its output follows
//! value NUMBER    what was measured; a line for people follows
//! state NUMBER    a state that follows whatever the ranges say, 0 to 3
//! state NUMBER NUMBER   the same with a value
//! error           a line for people follows
//! ```

use crate::plugin;
use crate::result::Measured;
use telemetry_store::check_states::State;

/// Longest performance data that is reported, in bytes.
const PERFDATA_BYTES: usize = 2048;

/// What came of a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// A plugin ended with this exit code.
    Exit(i32, Vec<u8>),
    /// It was ended by this signal.
    Signal(i32, Vec<u8>),
    /// It took too long.
    Timeout(Vec<u8>),
    /// Something was measured.
    Measured(Measured),
    /// It was not.
    Error(String),
}

impl Answer {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let with = |head: String, output: &[u8]| [head.as_bytes(), output].concat();
        match self {
            Answer::Exit(code, output) => with(format!("exit {code}\n"), output),
            Answer::Signal(number, output) => with(format!("signal {number}\n"), output),
            Answer::Timeout(output) => with("timeout\n".to_owned(), output),
            Answer::Error(text) => with("error\n".to_owned(), text.as_bytes()),
            Answer::Measured(measured) => {
                let value = measured.value.map(|value| format!(" {value}")).unwrap_or_default();
                let head = match measured.verdict {
                    Some(state) => format!("state {}{value}\n", state.number()),
                    None => format!("value{value}\n"),
                };
                with(head, measured.text.as_bytes())
            }
        }
    }

    /// Reads one. A runner that said nothing was killed.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
        let head = String::from_utf8_lossy(bytes.get(..end).unwrap_or_default());
        let output = bytes.get(end + 1..).unwrap_or_default();
        let mut words = head.split(' ');
        let word = words.next().unwrap_or_default();
        let mut number = || words.next().and_then(|word| word.parse::<f64>().ok());
        let text = || plugin::parse(output).text;
        let answer = match word {
            "exit" => number().map(|code| Answer::Exit(code as i32, output.to_vec())),
            "signal" => number().map(|signal| Answer::Signal(signal as i32, output.to_vec())),
            "timeout" => Some(Answer::Timeout(output.to_vec())),
            "value" => number().map(|value| Answer::Measured(Measured::value(value, text()))),
            "state" => number().and_then(|state| {
                let state = *State::ALL.get(state as usize)?;
                Some(Answer::Measured(Measured { value: number(), ..Measured::verdict(state, text()) }))
            }),
            "error" => Some(Answer::Error(text())),
            _ => None,
        };
        answer.unwrap_or_else(|| Answer::Error("its process was ended by somebody else".to_owned()))
    }

    pub(super) fn into_measured(self) -> Measured {
        let unknown = |output: &[u8], why: String| {
            let printed = plugin::parse(output);
            let text = if printed.text.is_empty() { why } else { format!("{why}: {}", printed.text) };
            Measured::verdict(State::Unknown, text)
        };
        match self {
            Answer::Measured(measured) => measured,
            Answer::Error(text) => Measured::verdict(State::Unknown, text),
            Answer::Timeout(output) => unknown(&output, "took too long and was ended".to_owned()),
            Answer::Signal(number, output) => unknown(&output, format!("was ended by signal {number}")),
            Answer::Exit(code, output) => {
                match usize::try_from(code).ok().and_then(|code| State::ALL.get(code)) {
                    None => unknown(&output, format!("ended with exit code {code}{}", of_shells(code))),
                    Some(state) => {
                        let printed = plugin::parse(&output);
                        let mut perfdata = String::new();
                        for item in printed.items.iter().map(ToString::to_string) {
                            if perfdata.len() + item.len() < PERFDATA_BYTES {
                                let blank = if perfdata.is_empty() { "" } else { " " };
                                perfdata += &format!("{blank}{item}");
                            }
                        }
                        let value = Some(f64::from(code));
                        Measured { value, perfdata, ..Measured::verdict(*state, printed.text) }
                    }
                }
            }
        }
    }
}

/// What shells and env(1) mean by it, since what they print of it is not kept.
fn of_shells(code: i32) -> &'static str {
    match code {
        126 => " (what it calls cannot be executed)",
        127 => " (what it calls was not found)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_said_is_read() {
        for answer in [
            Answer::Exit(2, b"text | a=1\nmore".to_vec()),
            Answer::Signal(9, Vec::new()),
            Answer::Timeout(b"half".to_vec()),
            Answer::Measured(Measured::value(1.25, "a line")),
            Answer::Measured(Measured { value: Some(0.0), ..Measured::verdict(State::Warning, "b") }),
            Answer::Measured(Measured::verdict(State::Ok, "c")),
            Answer::Error("why".to_owned()),
        ] {
            assert_eq!(Answer::parse(&answer.bytes()), answer);
        }
        assert!(matches!(Answer::parse(b""), Answer::Error(text) if text.contains("ended by somebody else")));
    }

    #[test]
    fn exit_codes_are_states_and_others_unknown() {
        let state = |answer: Answer| answer.into_measured().verdict.unwrap();
        let exit = |code| state(Answer::Exit(code, b"x".to_vec()));
        assert_eq!([0, 1, 2, 3].map(exit), State::ALL);
        assert_eq!([4, -1, 126, 127, 255].map(exit), [State::Unknown; 5]);
        let measured = Answer::Exit(1, b"LOAD | load1=1;2;3;0; load5=2\n".to_vec()).into_measured();
        assert_eq!((measured.text.as_str(), measured.perfdata.as_str()), ("LOAD", "load1=1;2;3;0 load5=2"));
        assert!(Answer::Timeout(b"half".to_vec()).into_measured().text.ends_with("ended: half"));
    }

    proptest! {
        #[test]
        fn noise_is_unknown_or_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let measured = Answer::parse(&bytes).into_measured();
            prop_assert!(!measured.text.contains(char::is_control));
        }
    }
}
