//! One dump: a file of a store, taken apart.

use super::header::{self, Header, RamoopsHead};
use super::limits::DUMP_BYTES;
use super::name::{Name, Store};
use super::unpack::{self, UnpackError};

/// A dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    /// What it is called to a person.
    pub label: String,
    pub(super) store: Option<Store>,
    /// Reason, count and part, as far as name and header line say.
    pub(super) reason: Option<String>,
    pub(super) count: Option<u32>,
    pub(super) part: Option<u32>,
    /// When it was written, in Unix seconds, as far as that is known.
    pub time_secs: u64,
    /// Number of the record in its store.
    pub(super) id: u64,
    pub(super) text: Result<String, UnpackError>,
    /// Whether the text goes on, and could not be unpacked.
    pub(super) is_cut: bool,
    /// Blocks of memory whose errors could not be corrected.
    pub(super) bad_blocks: u32,
}

impl Dump {
    /// Takes a file apart: its name, its time of modification, which is that of the dump where the store knows it, and
    /// what is in it.
    pub fn read(label: &str, name: &Name, modified_secs: u64, bytes: &[u8]) -> Self {
        let bytes = bytes.get(..DUMP_BYTES).unwrap_or(bytes);
        let (head, body) = RamoopsHead::take(bytes);
        let (store, id, is_packed) = match name {
            Name::Part { store, id, is_packed } => (Some(store.clone()), *id, *is_packed),
            Name::Joined => (None, 0, false),
        };
        let efi = name.efi_id();
        let time_secs = efi.map(|id| id.time_secs).or(head.map(|head| head.time_secs));
        let is_packed = is_packed || head.is_some_and(|head| head.is_packed);
        let mut dump = Self {
            label: label.to_owned(),
            store,
            reason: None,
            count: efi.map(|id| id.count),
            part: efi.map(|id| id.part).filter(|part| *part > 0),
            time_secs: time_secs.unwrap_or(modified_secs),
            id,
            text: Ok(String::new()),
            is_cut: false,
            bad_blocks: 0,
        };
        // Where the kernel has unpacked it after all, its header can be read.
        if !is_packed || unpack::has_header(body) {
            dump.set_text(body);
        } else {
            match unpack::unpack(body) {
                Ok(unpacked) => {
                    dump.set_text(&unpacked.bytes);
                    dump.is_cut = !unpacked.is_whole;
                }
                Err(error) => dump.text = Err(error),
            }
        }
        dump
    }

    fn set_text(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let (text, bad_blocks) = header::take_ecc_notice(&text);
        self.bad_blocks = bad_blocks;
        self.text = match self.store {
            Some(_) => {
                let (header, rest) = Header::take(text);
                self.set_header(header);
                Ok(rest.to_owned())
            }
            // Of those that were joined, headers say where one part ends.
            None => Ok(text.to_owned()),
        };
    }

    /// What the header line says comes first: the number in the name has room for 99 parts and 999 dumps.
    fn set_header(&mut self, header: Option<Header>) {
        match header {
            Some(header) => {
                self.reason = Some(header.reason);
                self.count = Some(header.count);
                self.part = Some(header.part);
            }
            // One that is no part of anything.
            None => self.part = self.part.or(Some(1)),
        }
    }

    /// Bytes of text that it holds in memory.
    pub fn text_bytes(&self) -> usize {
        self.text.as_ref().map_or(0, String::len)
    }
}
