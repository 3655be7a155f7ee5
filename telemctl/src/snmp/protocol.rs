//! pass_persist: what snmpd asks and what it takes for an answer.
//!
//! ```text
//! PING                       PONG
//! get, OID                   OID, type, value; or NONE
//! getnext, OID               the same of the first object behind it
//! set, OID, type and value   a word for why not: unknown words count as done
//! an empty line, or the end  it ends
//! ```

use super::oid::Oid;
use super::table::{Object, Table};
use std::io::{self, BufRead, Read};

/// Longest line that is read, as snmpd's.
const LINE_BYTES: u64 = 4096;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Whether anybody is there.
    Ping,
    /// This object; none where that is no name.
    Get(Option<Oid>),
    /// The one behind it.
    Next(Option<Oid>),
    /// To change one.
    Set,
    /// Something else.
    Unknown,
}

/// The next question; none at the end.
pub(super) fn next(input: &mut dyn BufRead) -> io::Result<Option<Question>> {
    let Some(word) = line(input)? else { return Ok(None) };
    let question = match word.as_str() {
        "" => return Ok(None),
        "PING" => Question::Ping,
        "get" => Question::Get(name(input)?),
        "getnext" => Question::Next(name(input)?),
        "set" => {
            line(input)?;
            line(input)?;
            Question::Set
        }
        _ => Question::Unknown,
    };
    Ok(Some(question))
}

fn name(input: &mut dyn BufRead) -> io::Result<Option<Oid>> {
    Ok(line(input)?.and_then(|text| text.parse().ok()))
}

/// A line without its end. Of one that is too long there is nothing.
fn line(input: &mut dyn BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if input.take(LINE_BYTES).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    let mut is_too_long = false;
    while bytes.last() != Some(&b'\n') {
        bytes.clear();
        if input.take(LINE_BYTES).read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        is_too_long = true;
    }
    let text = if is_too_long { "?".into() } else { String::from_utf8_lossy(&bytes) };
    Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
}

impl Question {
    /// What is said to it.
    pub(super) fn answer(&self, table: &Table) -> String {
        let object = |found: Option<&Object>| match found {
            Some(Object { name, value }) => format!("{name}\n{}\n{value}\n", value.kind()),
            None => "NONE\n".to_owned(),
        };
        match self {
            Question::Ping => "PONG\n".to_owned(),
            Question::Get(name) => object(name.as_ref().and_then(|name| table.get(name))),
            Question::Next(name) => object(name.as_ref().and_then(|name| table.next(name))),
            Question::Set => "not-writable\n".to_owned(),
            Question::Unknown => "NONE\n".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_of_any_bytes_are_bounded() {
        let long = "x".repeat(20_000);
        let text =
            format!("PING\nget\n.1.2\ngetnext\nno name\n{long}\nget\n{long}\nset\n.1\ninteger 5\nget\n");
        let mut input = text.as_bytes();
        let mut questions = Vec::new();
        while let Some(question) = next(&mut input).unwrap() {
            questions.push(question);
        }
        use Question::{Get, Next, Ping, Set, Unknown};
        let name = ".1.2".parse().ok();
        assert_eq!(questions, [Ping, Get(name), Next(None), Unknown, Get(None), Set, Get(None)]);
        assert_eq!(next(&mut "PING".as_bytes()).unwrap(), None, "half a line is the end");
        assert_eq!(next(&mut &b"\xff\xfe\n"[..]).unwrap(), Some(Unknown));
        assert_eq!(next(&mut "\nPING\n".as_bytes()).unwrap(), None);
    }
}
