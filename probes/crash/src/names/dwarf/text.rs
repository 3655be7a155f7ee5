//! Strings of DWARF, which stand in sections of their own.

use super::Sections;
use crate::limits::MANGLED_NAME_BYTES;

/// A string, or where it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Text<'a> {
    /// Within the unit.
    Here(&'a [u8]),
    /// In `.debug_str`.
    Str(u64),
    /// In `.debug_line_str`.
    LineStr(u64),
    /// In `.debug_str` of what several files share.
    Shared(u64),
    /// In `.debug_str.dwo` of a file that is mapped as it is.
    Split(&'a [u8]),
}

impl Text<'_> {
    /// Where it is, to read several in their order.
    pub(super) fn offset(&self) -> u64 {
        match self {
            Self::Here(_) | Self::Split(_) => 0,
            Self::Str(offset) | Self::LineStr(offset) | Self::Shared(offset) => *offset,
        }
    }
}

/// The sections with strings.
pub(super) struct Strings<'s, 'a> {
    own: &'s Sections<'a>,
    shared: Option<&'s Sections<'a>>,
}

impl<'s, 'a> Strings<'s, 'a> {
    pub(super) fn new(own: &'s Sections<'a>, shared: Option<&'s Sections<'a>>) -> Self {
        Self { own, shared }
    }

    /// The string without its end; none if it is too long to be a name, or not there.
    pub(super) fn read(&self, text: &Text<'a>) -> Option<&'a [u8]> {
        let (section, offset) = match text {
            Text::Here(bytes) | Text::Split(bytes) => return Some(bytes),
            Text::Str(offset) => (&self.own.string, offset),
            Text::LineStr(offset) => (&self.own.line_str, offset),
            Text::Shared(offset) => (&self.shared?.string, offset),
        };
        [256, MANGLED_NAME_BYTES].into_iter().find_map(|count| {
            let bytes = section.read(*offset, count)?;
            let bytes = bytes.get(..MANGLED_NAME_BYTES).unwrap_or(bytes);
            bytes.get(..bytes.iter().position(|byte| *byte == 0)?)
        })
    }
}
