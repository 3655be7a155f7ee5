//! The process that reads a debug file.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::mmap::Mapping;
use super::{Question, Reply};
use crate::confine::{Computing, only_compute};
use crate::symbols::debug_file::{Answer, DebugFiles, read};
use crate::symbols::limits::{
    FILE_BYTES, QUESTION_BYTES, READER_CPU_SECS, READER_DATA_BYTES, READER_SPACE_BYTES, UNITS,
};

/// What reading a file may take.
const BOUNDS: Computing =
    Computing { space_bytes: READER_SPACE_BYTES, data_bytes: READER_DATA_BYTES, cpu_secs: READER_CPU_SECS };

/// Answers a question on stdin about a file, on stdout; the whole life of a process.
///
/// # Errors
/// If it cannot be asked or answer.
pub fn name_addresses(
    file: &Path,
    supplement: Option<&Path>,
    package: Option<&Path>,
    units: &[PathBuf],
) -> io::Result<()> {
    let file = open(file)?;
    let supplement = supplement.map(open).transpose()?;
    let package = package.map(open).transpose()?;
    let units = units.iter().take(UNITS).map(|path| open(path)).collect::<io::Result<Vec<_>>>()?;
    let mut question = String::new();
    io::stdin().take(QUESTION_BYTES).read_to_string(&mut question)?;
    let question: Question = serde_json::from_str(&question)?;
    only_compute(BOUNDS)?;
    let units: Vec<&[u8]> = units.iter().map(Mapping::bytes).collect();
    let files = DebugFiles {
        own: file.bytes(),
        supplement: supplement.as_ref().map(Mapping::bytes),
        package: package.as_ref().map(Mapping::bytes),
        units: &units,
    };
    let answer = read(files, &question.build_id, &question.addresses, question.is_last);
    let reply = match answer {
        Ok(Answer::Names(names, missed)) => Reply::Names(names, missed),
        Ok(Answer::Needs(needed)) => Reply::Needs(needed),
        Err(reason) => Reply::Refused(reason),
    };
    let mut stdout = io::stdout().lock();
    stdout.write_all(&serde_json::to_vec(&reply)?)?;
    stdout.flush()
}

/// What is not a file, or too large, is not read.
fn open(path: &Path) -> io::Result<Mapping> {
    let file = File::open(path)?;
    let found = file.metadata()?;
    if !found.is_file() || found.len() > FILE_BYTES {
        return Err(io::Error::other("it is no file, or too large"));
    }
    Mapping::new(&file, found.len())
}
