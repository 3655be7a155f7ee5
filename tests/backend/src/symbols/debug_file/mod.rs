//! From the bytes of a debug file to the names of addresses: functions of values.
//!
//! ```text
//!  ELF: is its build-id the one that was asked for?
//!   ├─▶ DWARF: functions that hold an address, with the calls that were put into them, innermost first; file and line
//!   └─▶ symbol table: where DWARF is silent; and of several names of one place the one that is exported
//! ```
//!
//! What files share (dwz) is in a file of its own, which is asked for by its build-id, or by where it was. Split DWARF is read
//! from the package that a directory has beside the file (`.dwp`), else from single files (`.dwo`), which are asked for by where
//! the compiler left them; one whose unit has another id is as none. Without either the symbol table names their functions.
//!
//! The bytes are foreign: sizes are checked before anything is unpacked, and whatever is out of order costs names. What that
//! does not bound, as how much work a few tables may make, the process does that this runs in.

mod package;
mod sections;
mod split;
mod table;
mod unit;

use addr2line::Context;
use object::{File, Object};
use serde::{Deserialize, Serialize};

use super::limits::{FUNCTION_BYTES, INLINED, NAMES_BYTES, PATH_BYTES, SOURCE_BYTES, UNPACKED_BYTES};
use crate::groups::reading::FunctionAt;
use package::Package;
use sections::{Reader, Sections};
use split::Split;
use table::Table;
use unit::UnitFile;

pub use split::NeededUnit;

/// What a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Names by address: none where it knows none. The last addresses may be left out where there are many names. With units
    /// of split DWARF that were missed, it may know more.
    Names(Vec<(u64, Vec<FunctionAt>)>, Vec<NeededUnit>),
    /// It needs another file beside it.
    Needs(Needed),
}

/// What files share, in a file of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needed {
    /// Its build-id.
    pub build_id: String,
    /// Where it was, from the directory of the file that needs it.
    pub path: String,
}

/// A debug file, and what belongs to it.
#[derive(Clone, Copy, Debug)]
pub struct DebugFiles<'a> {
    /// The file.
    pub own: &'a [u8],
    /// What it shares with others, if it was asked for and is there.
    pub supplement: Option<&'a [u8]>,
    /// The package of its split DWARF, if there is one.
    pub package: Option<&'a [u8]>,
    /// Single files of its split DWARF.
    pub units: &'a [&'a [u8]],
}

/// Reads the names of addresses from the debug file of a build-id. Without a supplement that it needs, its symbol table is all
/// there is once `is_last` is set.
///
/// # Errors
/// Why it is not used.
pub fn read(
    files: DebugFiles<'_>,
    build_id: &str,
    addresses: &[u64],
    is_last: bool,
) -> Result<Answer, String> {
    let DebugFiles { own: bytes, supplement, package, units } = files;
    let file = parse(bytes, build_id)?;
    let shared = file.gnu_debugaltlink().ok().flatten().map(|(path, id)| Needed {
        build_id: hex(id),
        path: bounded(&String::from_utf8_lossy(path), PATH_BYTES),
    });
    let supplement = match (&shared, supplement) {
        (Some(shared), Some(bytes)) => Some(parse(bytes, &shared.build_id)?),
        (Some(shared), None) if !is_last && is_build_id(&shared.build_id) => {
            return Ok(Answer::Needs(shared.clone()));
        }
        _ => None,
    };
    // Names that stand elsewhere would be missing in the middle.
    let has_all = shared.is_none() || supplement.is_some();
    let mut room = UNPACKED_BYTES;
    let sections = if has_all { Sections::load(&file, supplement.as_ref(), &mut room) } else { None };
    let package = package.and_then(|bytes| Package::load(bytes, &mut room));
    let units: Vec<UnitFile<'_>> =
        units.iter().filter_map(|bytes| UnitFile::load(bytes, &mut room)).collect();
    let split = Split::new(package.as_ref().and_then(Package::borrow), &units);
    let context = sections.as_ref().and_then(|sections| Context::from_dwarf(sections.dwarf(&file)).ok());
    let table = Table::new(&file, addresses);
    let mut names = Vec::new();
    let mut total: usize = 0;
    for address in addresses {
        let found = functions(context.as_ref(), &split, &table, *address);
        let bytes = |at: &FunctionAt| at.function.len() + at.location.as_ref().map_or(0, String::len) + 64;
        total = total.saturating_add(found.iter().map(bytes).sum());
        if total > NAMES_BYTES && !names.is_empty() {
            break;
        }
        names.push((*address, found));
    }
    Ok(Answer::Names(names, split.into_missed()))
}

/// An ELF file with this build-id.
fn parse<'a>(bytes: &'a [u8], build_id: &str) -> Result<File<'a>, String> {
    let file = File::parse(bytes).map_err(|error| format!("it is no ELF file: {error}"))?;
    match file.build_id().ok().flatten().map(hex) {
        Some(own) if own == build_id => Ok(file),
        Some(own) => Err(format!("its build-id is {}", own.get(..40).unwrap_or(&own))),
        None => Err("it has no build-id".to_owned()),
    }
}

/// Whether it may be asked for: 4 to 64 bytes.
fn is_build_id(id: &str) -> bool {
    (8..=128).contains(&id.len())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The functions at an address, the innermost first.
fn functions<'a>(
    context: Option<&Context<Reader<'a>>>,
    split: &Split<'a>,
    table: &Table<'_>,
    address: u64,
) -> Vec<FunctionAt> {
    let mut functions = context.and_then(|context| of_dwarf(context, split, address)).unwrap_or_default();
    let symbol = table.find(address);
    match functions.last_mut() {
        // Debug data may have any one of several names for a place.
        Some(outermost) => {
            if let Some(symbol) = symbol.filter(|symbol| !symbol.has(&outermost.function)) {
                outermost.function = symbol.name();
            }
        }
        None => {
            functions.extend(symbol.map(|symbol| FunctionAt { function: symbol.name(), location: None }));
        }
    }
    functions.retain(|at| !at.function.is_empty());
    functions
}

/// What DWARF says; a function without a name, as assembler has them, is one.
fn of_dwarf<'a>(context: &Context<Reader<'a>>, split: &Split<'a>, address: u64) -> Option<Vec<FunctionAt>> {
    // The next address is reckoned with, and the last one has none.
    address.checked_add(1)?;
    let mut frames = split.finish(context.find_frames(address)).ok()?;
    let mut functions = Vec::new();
    while let Ok(Some(frame)) = frames.next() {
        let name = frame.function.as_ref().and_then(|function| function.raw_name().ok());
        let function = bounded(name.as_deref().unwrap_or_default(), FUNCTION_BYTES);
        let location = frame.location.as_ref().and_then(|location| {
            let (file, line) = (location.file?, location.line?);
            Some(format!("{}:{line}", bounded(file.rsplit('/').next()?, SOURCE_BYTES)))
        });
        functions.push(FunctionAt { function, location });
        if functions.len() >= INLINED {
            break;
        }
    }
    (!functions.is_empty()).then_some(functions)
}

/// The beginning of a text, on one line.
fn bounded(text: &str, bytes: usize) -> String {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests;
