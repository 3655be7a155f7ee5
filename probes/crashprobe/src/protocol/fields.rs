//! A message read field by field; what a worker of ours would not say is refused.

use super::{Message, Report, THREAD_NAMES};
use telemetry_crash::elf::BuildId;
use telemetry_crash::limits::{NAME_BYTES, PATH_BYTES, PAYLOAD_BYTES};
use telemetry_crash::package::Package;
use telemetry_crash::report::Subject;

/// What is left of a datagram.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn message(&mut self) -> Option<Message> {
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
