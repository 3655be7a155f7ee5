//! The ELF note in which a file says what package it is of (systemd's "package metadata for executable files"): owner `FDO`,
//! type 0xcafe1a7e, a JSON object up to a NUL. Of it, `name` and `version` are read; it is foreign.

use super::Package;
use crate::elf::Elf;
use object::LittleEndian;
use object::read::elf::ProgramHeader;

const TYPE: u32 = 0xcafe_1a7e;
const OWNER: &[u8] = b"FDO";

/// Longest note; real ones have some hundred bytes.
const NOTE_BYTES: usize = 4096;

/// How deep objects and arrays may lie in each other.
const DEPTH: usize = 4;

/// Notes that are read of a file.
const NOTES: usize = 64;

/// The package that a file says it is of.
pub fn of_file(elf: &Elf<'_>) -> Option<Package> {
    let headers = elf.file.elf_program_headers().iter().take(128);
    let bytes = elf.file.data();
    headers.filter_map(|header| header.notes(LittleEndian, bytes).ok().flatten()).find_map(|notes| {
        let mut notes = notes.take(NOTES).filter_map(Result::ok);
        notes
            .find(|note| note.name() == OWNER && note.n_type(LittleEndian).0 == TYPE)
            .and_then(|note| parse(note.desc()))
    })
}

/// The package of a note's text.
pub fn parse(text: &[u8]) -> Option<Package> {
    let text = text.split(|byte| *byte == 0).next().filter(|text| text.len() <= NOTE_BYTES)?;
    let mut reader = Reader { rest: str::from_utf8(text).ok()?, name: None, version: None };
    reader.object(1)?;
    reader.blanks();
    reader.rest.is_empty().then(|| Package::new(reader.name?, reader.version?))?
}

/// Reads JSON, of which two strings of the outermost object are kept. Those have no escapes, or they are no words.
struct Reader<'t> {
    rest: &'t str,
    name: Option<&'t str>,
    version: Option<&'t str>,
}

impl<'t> Reader<'t> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn take(&mut self, text: &str) -> Option<()> {
        self.blanks();
        self.rest = self.rest.strip_prefix(text)?;
        Some(())
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.take("{")?;
        if self.take("}").is_some() {
            return Some(());
        }
        loop {
            let key = self.string()?;
            self.take(":")?;
            let value = self.value(depth)?;
            match key {
                "name" if depth == 1 => self.name = Some(value?),
                "version" if depth == 1 => self.version = Some(value?),
                _ => {}
            }
            if self.take(",").is_none() {
                return self.take("}");
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.take("[")?;
        if self.take("]").is_some() {
            return Some(());
        }
        loop {
            self.value(depth)?;
            if self.take(",").is_none() {
                return self.take("]");
            }
        }
    }

    /// Any value; its text if it is a string.
    fn value(&mut self, depth: usize) -> Option<Option<&'t str>> {
        self.blanks();
        match self.rest.chars().next()? {
            '"' => self.string().map(Some),
            '{' if depth < DEPTH => self.object(depth.saturating_add(1)).map(|()| None),
            '[' if depth < DEPTH => self.array(depth.saturating_add(1)).map(|()| None),
            '{' | '[' => None,
            _ => {
                let end = self.rest.find([',', '}', ']', ' ', '\t', '\n', '\r']).unwrap_or(self.rest.len());
                let (word, rest) = self.rest.split_at_checked(end)?;
                let is_number = !word.is_empty()
                    && word.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
                self.rest = rest;
                (is_number || ["true", "false", "null"].contains(&word)).then_some(None)
            }
        }
    }

    /// A string with its escapes as they stand.
    fn string(&mut self) -> Option<&'t str> {
        self.take("\"")?;
        let mut escaped = false;
        let end = self.rest.bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        })?;
        let (text, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.strip_prefix('"')?;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        parse(text.as_bytes()).map(|package| package.to_string())
    }

    #[test]
    fn name_and_version_are_read() {
        let fedora = r#"{"type":"rpm","name":"coreutils","version":"9.3-1.fc39","architecture":"x86_64","osCpe":"cpe:/o:x"}"#;
        assert_eq!(read(fedora).as_deref(), Some("coreutils 9.3-1.fc39"));
        assert_eq!(read(&format!("{fedora}\0\0\0")).as_deref(), Some("coreutils 9.3-1.fc39"));
        let nested = " { \"a\" : [1, {\"name\": \"x\", \"b\": [true]}, -1.5e3], \"version\":\"1\", \"q\":\"\\\"}\", \"name\":\"n\" } ";
        assert_eq!(read(nested).as_deref(), Some("n 1"));
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "{}",
            "[]",
            "{\"name\":\"n\"}",
            "{\"name\":\"n\",\"version\":1}",
            "{\"name\":\"a b\",\"version\":\"1\"}",
            "{\"name\":\"n\\u0041\",\"version\":\"1\"}",
            "{\"name\":\"n\",\"version\":\"1\"",
            "{\"name\":\"n\",\"version\":\"1\"} x",
            "{\"name\":\"n\",\"version\":\"1\",}",
            "{\"a\":[[[[1]]]],\"name\":\"n\",\"version\":\"1\"}",
            "{\"a\":x,\"name\":\"n\",\"version\":\"1\"}",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        let long = format!("{{\"name\":\"n\",\"version\":\"1\",\"a\":\"{}\"}}", "x".repeat(5000));
        assert_eq!(read(&long), None);
    }
}
