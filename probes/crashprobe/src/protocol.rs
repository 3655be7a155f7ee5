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

use telemetry_crash::elf::BuildId;
use telemetry_crash::files::Found;
use telemetry_crash::limits::{NAME_BYTES, PATH_BYTES, PAYLOAD_BYTES};
use telemetry_crash::package::Package;
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

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn message(&mut self) -> Option<Message> {
        Some(match self.byte()? {
            1 => {
                let (start, end) = (self.number()?, self.number()?);
                Message::OpenMapped { start, end, path: self.path().filter(|_| start < end)? }
            }
            2 => Message::OpenDebugBuildId(BuildId::new(self.field()?)?),
            3 => Message::OpenDebugLink { module_path: self.path()?, name: self.file_name()? },
            4 => Message::Report(Report {
                failed: self.flag()?,
                is_third_party: self.flag()?,
                program: Some(self.text(PATH_BYTES)?).filter(|text| !text.is_empty()),
                subjects: [self.subject()?, self.subject()?],
                text: self.text(PAYLOAD_BYTES)?,
            }),
            5 => Message::OtherProcess,
            6 => Message::Done,
            7 => Message::OpenSupplement(self.path()?),
            8 => Message::OpenDwarfPackage(self.path()?),
            9 => Message::OpenDwarfObject {
                module_path: self.path()?,
                directory: self.text(PATH_BYTES)?,
                name: self.text(PATH_BYTES).filter(|name| !name.is_empty())?,
            },
            10 => Message::ThreadNames(self.thread_ids()?),
            _ => return None,
        })
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn subject(&mut self) -> Option<Option<Subject>> {
        let (path, package) = (self.text(PATH_BYTES)?, self.text(NAME_BYTES + 2)?);
        if path.is_empty() {
            return package.is_empty().then_some(None);
        }
        let package = if package.is_empty() { None } else { Some(Package::parse(&package)?) };
        path.starts_with('/').then_some(Some(Subject { path, package }))
    }

    fn thread_ids(&mut self) -> Option<Vec<u32>> {
        let (ids, rest) = self.0.as_chunks::<4>();
        let is_allowed = rest.is_empty() && !ids.is_empty() && ids.len() <= THREAD_NAMES;
        self.0 = rest;
        is_allowed.then(|| ids.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect())
    }

    fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<u64> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*bytes))
    }

    fn field(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk()?;
        let (field, rest) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
        self.0 = rest;
        Some(field)
    }

    fn text(&mut self, most_bytes: usize) -> Option<String> {
        let text = std::str::from_utf8(self.field()?).ok()?;
        (text.len() <= most_bytes && !text.contains('\0')).then(|| text.to_owned())
    }

    /// An absolute path. What `..` in it does is the opener's business, who stays below a root.
    fn path(&mut self) -> Option<String> {
        self.text(PATH_BYTES).filter(|path| path.starts_with('/'))
    }

    fn file_name(&mut self) -> Option<String> {
        self.text(NAME_BYTES).filter(|name| !matches!(name.as_str(), "" | "." | "..") && !name.contains('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn messages() -> Vec<Message> {
        let mapped = |path: &str| Message::OpenMapped { start: 0x1000, end: u64::MAX, path: path.to_owned() };
        let report = |executable: Option<&str>, text: String| {
            let program = executable.map(str::to_owned);
            let package = Package::new("x", "1:2.0-1");
            let subjects = [program.clone().map(|path| Subject { path, package }), None];
            Message::Report(Report { failed: true, is_third_party: false, program, subjects, text })
        };
        vec![
            mapped("/usr/lib/libc.so.6"),
            mapped(&format!("/{}", "x".repeat(PATH_BYTES - 1))),
            Message::OpenDebugBuildId(BuildId::new(&[7; 64]).unwrap()),
            Message::OpenDebugLink { module_path: "/bin/x".to_owned(), name: "x".repeat(NAME_BYTES) },
            report(None, String::new()),
            report(Some(&"/x".repeat(PATH_BYTES / 2)), "x".repeat(PAYLOAD_BYTES)),
            Message::OtherProcess,
            Message::Done,
            Message::OpenSupplement("/usr/lib/debug/.dwz/x".to_owned()),
            Message::OpenDwarfPackage("/bin/x".to_owned()),
            Message::ThreadNames(vec![1, u32::MAX]),
            object("/bin/x", "", "x.dwo"),
            object("/bin/x", "/src", "../build/x.dwo"),
        ]
    }

    fn object(module_path: &str, directory: &str, name: &str) -> Message {
        Message::OpenDwarfObject {
            module_path: module_path.to_owned(),
            directory: directory.to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn messages_arrive_as_they_were_sent() {
        for message in messages() {
            assert_eq!(decode(&encode(&message).unwrap()), Ok(message));
        }
    }

    #[test]
    fn no_part_of_a_message_and_no_more_than_it_is_taken() {
        for message in messages() {
            let bytes = encode(&message).unwrap();
            // A list of ids has no end of its own.
            let step = if matches!(message, Message::ThreadNames(_)) { 3 } else { 1 };
            for end in (0..bytes.len()).step_by(step).filter(|end| step == 1 || end % 4 != 1) {
                assert_eq!(decode(&bytes[..end]), Err(BrokenProtocol), "{message:?} {end}");
            }
            assert_eq!(decode(&[&bytes[..], &[0]].concat()), Err(BrokenProtocol), "{message:?}");
        }
    }

    #[test]
    fn what_ours_never_asks_is_neither_sent_nor_taken() {
        let mapped = |start, end, path: &str| Message::OpenMapped { start, end, path: path.to_owned() };
        let link = |module_path: &str, name: &str| Message::OpenDebugLink {
            module_path: module_path.to_owned(),
            name: name.to_owned(),
        };
        let report = |executable: &str, text: &str| {
            let program = Some(executable.to_owned());
            let (subjects, text) = ([None, None], text.to_owned());
            Message::Report(Report { failed: false, is_third_party: true, program, subjects, text })
        };
        let long_path = format!("/{}", "x".repeat(PATH_BYTES));
        for message in [
            mapped(1, 1, "/x"),
            mapped(2, 1, "/x"),
            mapped(1, 2, "x"),
            mapped(1, 2, ""),
            mapped(1, 2, "/x\0"),
            mapped(1, 2, &long_path),
            mapped(1, 2, &"/".repeat(70_000)),
            link("/x", ""),
            link("/x", "."),
            link("/x", ".."),
            link("/x", "../y"),
            link("/x", "a\0"),
            link("/x", &"n".repeat(NAME_BYTES + 1)),
            link("x", "y"),
            report(&long_path, ""),
            report("/x", &"x".repeat(PAYLOAD_BYTES + 1)),
            report("/x", "a\0"),
            Message::ThreadNames(Vec::new()),
            Message::ThreadNames(vec![1; THREAD_NAMES + 1]),
            Message::OpenSupplement("x".to_owned()),
            Message::OpenDwarfPackage(String::new()),
            object("x", "/src", "y"),
            object("/x", "/src", ""),
            object("/x", &long_path, "y"),
            object("/x", "/src", "y\0"),
        ] {
            assert_eq!(encode(&message), None, "{message:?}");
        }
    }

    #[test]
    fn answers_arrive() {
        assert_eq!(decode_answer(&encode_answer(None)), None);
        for found in [Found::Mapped, Found::ByPath, Found::ByPathYounger] {
            let file = Some((u64::MAX, found));
            assert_eq!(decode_answer(&encode_answer(file)), file);
        }
        for wrong in
            [&[][..], &[1], &[1; 8], &[1; 9], &[1; 11], &[2; 10], &[0; 10], &[1, 0, 0, 0, 0, 0, 0, 0, 0, 3]]
        {
            assert_eq!(decode_answer(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn names_arrive() {
        let names = ["", "main", "größer als Namen sind"].map(str::to_owned);
        let arrived = decode_names(&encode_names(&names));
        assert_eq!(arrived[..2], names[..2]);
        assert!(names[2].starts_with(&arrived[2]) && arrived[2].len() == THREAD_NAME_BYTES, "{arrived:?}");
        assert!(decode_names(&[9, b'x']).is_empty() && decode_names(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn whatever_is_taken_could_have_been_sent(tag in 0_u8..12, rest in prop::collection::vec(any::<u8>(), 0..80)) {
            let datagram = [&[tag][..], &rest].concat();
            if let Ok(message) = decode(&datagram) {
                prop_assert_eq!(encode(&message), Some(datagram));
            }
        }
    }
}
