//! A parser of payloads: patterns, or a program.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::files::check_owner;
use super::output::{add, set_form};
use super::program;
use crate::limits::MAX_PATTERN_BYTES;
use crate::record::ClassPattern;
use crate::storage::values::{OfParser, Parsed, Unparsed};

const CLASSES: usize = 32;
const PATTERNS: usize = 32;

/// A parser.
#[derive(Debug)]
pub struct Parser {
    /// The name of its file.
    pub name: String,
    /// The classes whose records it reads.
    pub classes: Vec<ClassPattern>,
    /// Changes with the file: what an older one made is made again.
    pub digest: String,
    decodes: bool,
    how: How,
}

#[derive(Debug)]
enum How {
    Patterns(Vec<Regex>),
    Program(PathBuf),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    classes: Vec<String>,
    decode: Option<String>,
    #[serde(default)]
    patterns: Vec<String>,
    program: Option<String>,
}

impl Parser {
    /// Reads a file; `directory` is where its program is.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(name: &str, text: &str, directory: Option<&Path>) -> Result<Self, String> {
        let raw: Raw = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let class = |text: &String| {
            ClassPattern::parse(text)
                .ok_or_else(|| format!("classes: {text:.80} is not {}", ClassPattern::ALLOWED))
        };
        let classes = raw.classes.iter().map(class).collect::<Result<Vec<_>, _>>()?;
        if classes.is_empty() || classes.len() > CLASSES {
            return Err(format!("classes has 1 to {CLASSES} of them"));
        }
        let decodes = match raw.decode.as_deref() {
            None => false,
            Some("base64") => true,
            Some(other) => return Err(format!("decode is {other:.80}; allowed: base64")),
        };
        let how = match (&raw.program, raw.patterns.len()) {
            (Some(program), 0) => How::Program(find_program(program, directory)?),
            (None, 0) if decodes => How::Patterns(Vec::new()),
            (None, 1..=PATTERNS) => {
                How::Patterns(raw.patterns.iter().map(|pattern| compile(pattern)).collect::<Result<_, _>>()?)
            }
            _ => return Err(format!("it has either a program, or 1 to {PATTERNS} patterns")),
        };
        let digest = Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { name: name.to_owned(), classes, digest, decodes, how })
    }

    /// As the database knows it.
    #[must_use]
    pub fn of_parser(&self) -> OfParser<'_> {
        OfParser { name: &self.name, digest: &self.digest, classes: &self.classes }
    }

    /// What it makes of records. Blocks while a program runs.
    ///
    /// # Errors
    /// If its program fails.
    pub fn run(&self, records: &[Unparsed]) -> Result<Vec<Parsed>, String> {
        match &self.how {
            How::Program(path) => program::run(path, records),
            How::Patterns(patterns) => {
                Ok(records.iter().map(|record| self.apply(patterns, record)).collect())
            }
        }
    }

    /// A record that does not fit has fewer values; that is no fault of the parser.
    fn apply(&self, patterns: &[Regex], record: &Unparsed) -> Parsed {
        let mut parsed = Parsed { id: record.id, ..Parsed::default() };
        let decoded = self.decodes.then(|| decode(&record.payload)).flatten();
        let text = decoded.as_deref().unwrap_or(&record.payload);
        for pattern in patterns {
            let Some(found) = pattern.captures(text) else { continue };
            for name in pattern.capture_names().flatten() {
                if let Some(value) = found.name(name) {
                    // One that is too long is left out.
                    let _ = add(&mut parsed, name, value.as_str());
                }
            }
        }
        if let Some(decoded) = &decoded {
            let _ = set_form(&mut parsed, decoded);
        }
        parsed
    }
}

fn compile(pattern: &str) -> Result<Regex, String> {
    let compiled = RegexBuilder::new(pattern).size_limit(MAX_PATTERN_BYTES).build();
    let compiled = compiled
        .map_err(|_| format!("patterns: {pattern:.80} is no regular expression of the crate regex"))?;
    if compiled.capture_names().flatten().next().is_none() {
        return Err(format!("patterns: {pattern:.80} names no value, as (?P<name>...) does"));
    }
    Ok(compiled)
}

/// White space within is passed over, as mail has it. Bytes that are no text are written as signs.
fn decode(payload: &str) -> Option<String> {
    let bare: Vec<u8> = payload.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let bytes = BASE64_STANDARD.decode(bare).ok()?;
    Some(String::from_utf8_lossy(&bytes).replace('\0', "\u{2400}"))
}

fn find_program(name: &str, directory: Option<&Path>) -> Result<PathBuf, String> {
    let directory = directory.ok_or("program: those that ship have none")?;
    let is_plain = |name: &str| {
        !name.starts_with('.') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    if name.is_empty() || !is_plain(name) {
        return Err("program is the name of a file beside this one".to_owned());
    }
    let path = directory.join(name);
    let found = fs::symlink_metadata(&path).map_err(|error| format!("program {name}: {error}"))?;
    if !found.is_file() {
        return Err(format!("program {name} is no regular file"));
    }
    check_owner(&found).map_err(|reason| format!("program {name}: {reason}"))?;
    // It is started from elsewhere.
    std::path::absolute(path).map_err(|error| format!("program {name}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(payload: &str) -> Unparsed {
        Unparsed { id: 1, classification: "a/b/c".into(), payload: payload.into() }
    }

    #[test]
    fn patterns_make_named_values() {
        let text = "classes = [\"a/b/*\"]\npatterns = ['(?m)^v=(?P<version>\\d+)$', 'from (?P<from>\\w+) to (?P<to>\\w+)']";
        let parser = Parser::parse("p", text, None).unwrap();
        let parsed = parser.run(&[record("x\nv=12\nfrom a to b"), record("nothing")]).unwrap();
        let values: Vec<_> = parsed[0].values.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(values, ["from=a", "to=b", "version=12"]);
        assert!(parsed[1].values.is_empty() && parsed[1].form.is_none());
    }

    #[test]
    fn base64_is_unpacked_and_read() {
        let text = "classes = [\"a/b/c\"]\ndecode = \"base64\"\npatterns = ['name=(?P<name>\\w+)']";
        let parser = Parser::parse("p", text, None).unwrap();
        let parsed = parser.run(&[record("bmFtZT1iZXR\nhAA=="), record("no base64!")]).unwrap();
        assert_eq!(
            (parsed[0].values["name"].as_str(), parsed[0].form.as_deref()),
            ("beta", Some("name=beta\u{2400}"))
        );
        assert_eq!(parsed[1].form, None);
    }

    #[test]
    fn wrong_ones_say_why() {
        for (text, why) in [
            ("classes = []\npatterns = ['(?P<a>x)']", "classes"),
            ("classes = [\"a\"]\npatterns = ['(?P<a>x)']", "classes"),
            ("classes = [\"a/b/c\"]", "either"),
            ("classes = [\"a/b/c\"]\npatterns = ['x']", "names no value"),
            ("classes = [\"a/b/c\"]\npatterns = ['((a{100}){100}){100}']", "regular expression"),
            ("classes = [\"a/b/c\"]\ndecode = \"rot13\"", "decode"),
            ("classes = [\"a/b/c\"]\nprogram = \"x\"\npatterns = ['(?P<a>x)']", "either"),
            ("classes = [\"a/b/c\"]\nprogram = \"x\"", "ship"),
        ] {
            let error = Parser::parse("p", text, None).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        let directory = tempfile::tempdir().unwrap();
        for program in ["../sh", "/bin/sh", "none", ".hidden"] {
            let text = format!("classes = [\"a/b/c\"]\nprogram = \"{program}\"");
            assert!(Parser::parse("p", &text, Some(directory.path())).is_err(), "{program}");
        }
    }
}
