//! What the worker, which reads foreign bytes, says to the broker, which opens files. The worker may be anybody's
//! by then, so that [`decode`] refuses whatever a worker of ours would not say.
//!
//! ```text
//! a datagram: TAG (1 byte) FIELDS; numbers little endian, text as LENGTH (2 bytes) UTF-8
//!   1 start u64, end u64, path      open the file that this range of the process shows   ──▶ answer
//!   2 build-id                      open a separate debug file                           ──▶ answer
//!   3 module's path, name           open the debug file of a .gnu_debuglink              ──▶ answer
//!   4 failed u8, third party u8, program, twice path and package (`NAME VERSION`), text   the newest report
//!   5                               /proc/PID is another process than the core's
//!   6                               the report is whole
//!   7 path                          open what several debug files share
//!   8 module's path                 open BINARY.dwp
//!   9 module's path, directory, name   open a .dwo file
//!  10 thread ids u32                names of threads                                     ──▶ for each LENGTH (1 byte) and name
//! an answer: 0, or 1, the size u64 and how it was found u8 (0 it is mapped, 1 by its path, 2 by its path and it is
//! younger than the crash), with a descriptor (SCM_RIGHTS)
//! ```

mod fields;

use fields::Fields;
use telemetry_crash::elf::BuildId;
use telemetry_crash::files::Found;
use telemetry_crash::limits::{NAME_BYTES, PATH_BYTES, PAYLOAD_BYTES};
use telemetry_crash::report::Subject;

/// Longest datagram: a report with the path of its executable.
pub const DATAGRAM_BYTES: usize = PAYLOAD_BYTES + 3 * PATH_BYTES + 2 * (NAME_BYTES + 2) + 64;

/// Threads that are asked for at once: more than a report has room for.
pub const THREAD_NAMES: usize = 64;

/// Longest name of a thread (`TASK_COMM_LEN`), its end left out.
pub const THREAD_NAME_BYTES: usize = 15;

/// A message of the worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Asks for the file that this range of the process shows.
    OpenMapped {
        /// First address.
        start: u64,
        /// The address past the last.
        end: u64,
        /// Its path in the mount namespace of the process.
        path: String,
    },
    /// Asks for a separate debug file.
    OpenDebugBuildId(BuildId),
    /// Asks for the debug file of a `.gnu_debuglink`.
    OpenDebugLink {
        /// Path of the module that has the link.
        module_path: String,
        /// The file's name.
        name: String,
    },
    /// Asks for what several debug files share, by its path below `/usr/lib/debug`.
    OpenSupplement(String),
    /// Asks for the split DWARF of a module, by the module's path.
    OpenDwarfPackage(String),
    /// Asks for the split DWARF of a unit. Directory and name come out of DWARF.
    OpenDwarfObject {
        /// Path of the module that has the unit.
        module_path: String,
        /// Where the unit was compiled.
        directory: String,
        /// The file's name, which may be a path.
        name: String,
    },
    /// Asks for the names of these threads, at most [`THREAD_NAMES`].
    ThreadNames(Vec<u32>),
    /// The newest report.
    Report(Report),
    /// `/proc/PID` is another process than the one of the core.
    OtherProcess,
    /// The last report is whole.
    Done,
}

/// A report on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Whether unwinding failed as a whole.
    pub failed: bool,
    /// Whether the code that crashed is no part of the distribution.
    pub is_third_party: bool,
    /// The program, as the core has it.
    pub program: Option<String>,
    /// The program and the module of the first frame, if another, whose packages are worth knowing.
    pub subjects: [Option<Subject>; 2],
    /// The payload.
    pub text: String,
}

/// A message that no worker of ours sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the worker broke the protocol")]
pub struct BrokenProtocol;

/// A message as bytes; none if the other side would refuse it, as a path that is too long.
pub fn encode(message: &Message) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    match message {
        Message::OpenMapped { start, end, path } => {
            bytes.push(1);
            bytes.extend_from_slice(&start.to_le_bytes());
            bytes.extend_from_slice(&end.to_le_bytes());
            push_text(&mut bytes, path)?;
        }
        Message::OpenDebugBuildId(build_id) => {
            bytes.push(2);
            push_field(&mut bytes, build_id.bytes())?;
        }
        Message::OpenDebugLink { module_path, name } => {
            bytes.push(3);
            push_text(&mut bytes, module_path)?;
            push_text(&mut bytes, name)?;
        }
        Message::OpenSupplement(path) => {
            bytes.push(7);
            push_text(&mut bytes, path)?;
        }
        Message::OpenDwarfPackage(module_path) => {
            bytes.push(8);
            push_text(&mut bytes, module_path)?;
        }
        Message::OpenDwarfObject { module_path, directory, name } => {
            bytes.push(9);
            for text in [module_path, directory, name] {
                push_text(&mut bytes, text)?;
            }
        }
        Message::ThreadNames(tids) => {
            bytes.push(10);
            tids.iter().for_each(|tid| bytes.extend_from_slice(&tid.to_le_bytes()));
        }
        Message::Report(Report { failed, is_third_party, program, subjects, text }) => {
            bytes.extend_from_slice(&[4, u8::from(*failed), u8::from(*is_third_party)]);
            push_text(&mut bytes, program.as_deref().unwrap_or_default())?;
            for subject in subjects {
                let package = subject.as_ref().and_then(|subject| subject.package.as_ref());
                push_text(&mut bytes, subject.as_ref().map_or("", |subject| &subject.path))?;
                push_text(&mut bytes, &package.map(ToString::to_string).unwrap_or_default())?;
            }
            push_text(&mut bytes, text)?;
        }
        Message::OtherProcess => bytes.push(5),
        Message::Done => bytes.push(6),
    }
    decode(&bytes).is_ok().then_some(bytes)
}

/// Reads a message.
///
/// # Errors
/// It is not whole, has too much, or a value that is not allowed.
pub fn decode(datagram: &[u8]) -> Result<Message, BrokenProtocol> {
    let mut fields = Fields(datagram);
    let message = fields.message().filter(|_| fields.0.is_empty() && datagram.len() <= DATAGRAM_BYTES);
    message.ok_or(BrokenProtocol)
}

/// The answer to a request whose file has so many bytes and was found so, or that has none.
pub fn encode_answer(file: Option<(u64, Found)>) -> Vec<u8> {
    match file {
        None => vec![0],
        Some((size, found)) => {
            let found = match found {
                Found::Mapped => 0,
                Found::ByPath => 1,
                Found::ByPathYounger => 2,
            };
            [&[1][..], &size.to_le_bytes(), &[found]].concat()
        }
    }
}

/// The size of the file that comes with an answer, and how it was found.
pub fn decode_answer(datagram: &[u8]) -> Option<(u64, Found)> {
    let (tag, rest) = datagram.split_first()?;
    (*tag == 1).then_some(())?;
    let (size, found) = rest.split_first_chunk()?;
    let found = match found {
        [0] => Found::Mapped,
        [1] => Found::ByPath,
        [2] => Found::ByPathYounger,
        _ => return None,
    };
    Some((u64::from_le_bytes(*size), found))
}

/// The answer to a request for names of threads, in its order; an empty name is one that is not known.
pub fn encode_names(names: &[String]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for name in names {
        let name = name.as_bytes().get(..THREAD_NAME_BYTES).unwrap_or(name.as_bytes());
        bytes.push(u8::try_from(name.len()).unwrap_or_default());
        bytes.extend_from_slice(name);
    }
    bytes
}

/// The names of an answer.
pub fn decode_names(mut datagram: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    while let Some((length, rest)) = datagram.split_first() {
        let Some((name, rest)) = rest.split_at_checked(usize::from(*length)) else { break };
        names.push(String::from_utf8_lossy(name).into_owned());
        datagram = rest;
    }
    names
}

fn push_text(bytes: &mut Vec<u8>, text: &str) -> Option<()> {
    push_field(bytes, text.as_bytes())
}

fn push_field(bytes: &mut Vec<u8>, field: &[u8]) -> Option<()> {
    let length = u16::try_from(field.len()).ok()?;
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(field);
    Some(())
}

#[cfg(test)]
mod tests;
