//! The C interface: what `telemetry.h` promises, as a thin face on [`Client`] and [`Record`].
//!
//! Each function checks for NULL, converts, calls the safe API, and maps the error to a number. Programs replace strings
//! in [`TelemRecord`] by their own: so each is one of malloc, and what is sent is read from there and judged anew.
#![allow(unsafe_code)] // The crate's one door: pointers come in from C here.

use crate::client::Client;
use crate::error::Error;
use crate::malloc;
use crate::pthread_setcancelstate::uncancelled;
use crate::record::Record;
use arc_swap::ArcSwapOption;
use std::borrow::Cow;
use std::ffi::{OsStr, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::ptr;
use std::sync::Arc;
use telemetry_record::header::{Header, HeaderBlock};
use telemetry_record::hex_id::{HEX_DIGITS, HexId};
use telemetry_record::limits::{
    CLASSIFICATION_BYTES, CONFIG_PATH_BYTES, HEADER_COUNT, HEADER_VALUE_BYTES, PAYLOAD_BYTES,
};
use telemetry_record::payload;

/// `struct telem_ref`. Made and freed here alone.
#[repr(C)]
pub(crate) struct TelemRef {
    record: *mut TelemRecord,
}

/// `struct telem_record`. Every string is NULL or of malloc, ours or the program's.
#[repr(C)]
pub(crate) struct TelemRecord {
    headers: [*mut c_char; HEADER_COUNT],
    payload: *mut c_char,
    /// Sum of the lengths of the lines, as we last wrote them. It is never read back, like `payload_size`.
    header_size: usize,
    payload_size: usize,
}

/// The configuration in effect. Lock-free, so that a child forked while another thread sets it does not
/// wait for ever.
static CLIENT: ArcSwapOption<Client> = ArcSwapOption::const_empty();

/// Sets the configuration file. See `telemetry.h`.
///
/// # Safety
/// `path` is NULL or a C string.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn tm_set_config_file(path: *const c_char) -> c_int {
    guarded(-libc::EIO, || {
        // One byte more than any path has, so that `open` sees that it is too long.
        // SAFETY: `path` is NULL or a C string, which the caller leaves alone during this call.
        let Some(path) = (unsafe { head_of(path, CONFIG_PATH_BYTES) }) else {
            return -libc::EINVAL;
        };
        let client = Client::with_config_file(Path::new(OsStr::from_bytes(path)));
        status(client.map(|client| CLIENT.store(Some(Arc::new(client)))))
    })
}

/// Makes a record. See `telemetry.h`.
///
/// # Safety
/// `reference` is NULL or points to room for a pointer; `classification` is NULL or a C string.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn tm_create_record(
    reference: *mut *mut TelemRef,
    severity: u32,
    classification: *mut c_char,
    payload_version: u32,
) -> c_int {
    guarded(-libc::EIO, || {
        if reference.is_null() {
            return -libc::EINVAL;
        }
        // SAFETY: not NULL, so it is aligned room for a pointer, which nobody else uses during this call.
        // What it held is not read: C programs pass it uninitialized.
        unsafe { reference.write(ptr::null_mut()) };
        // SAFETY: `classification` is NULL or a C string, which the caller leaves alone during this call.
        let Some(classification) = (unsafe { text_of(classification, CLASSIFICATION_BYTES + 1) }) else {
            return -libc::EINVAL;
        };
        let record = match Record::new(severity, classification, payload_version) {
            Ok(record) => TelemRecord::new(record.headers()),
            Err(error) => return status(Err(error)),
        };
        record.map_or(-libc::ENOMEM, |record| {
            let record = Box::into_raw(Box::new(record));
            // SAFETY: as above, `reference` is room for a pointer.
            unsafe { reference.write(Box::into_raw(Box::new(TelemRef { record }))) };
            0
        })
    })
}

/// Sets the event id. See `telemetry.h`; unlike the others it says -1 whatever is wrong.
///
/// # Safety
/// `reference` is NULL or from [`tm_create_record`] and not freed, and no other thread uses its record;
/// `event_id` is NULL or a C string.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn tm_set_event_id(reference: *mut TelemRef, event_id: *mut c_char) -> c_int {
    guarded(-1, || {
        // SAFETY: `reference` is NULL or from `tm_create_record` and not freed, and used by this thread alone.
        let Some(record) = (unsafe { record_of(reference) }) else {
            return -1;
        };
        // SAFETY: `event_id` is NULL or a C string, which the caller leaves alone during this call.
        let Some(event_id) = (unsafe { text_of(event_id, HEX_DIGITS + 1) }) else {
            return -1;
        };
        // SAFETY: the strings of the record are NULL or C strings of malloc, as `telemetry.h` demands.
        let set = event_id.parse().ok().and_then(|event_id| unsafe { record.set_event_id(event_id) });
        set.map_or(-1, |()| 0)
    })
}

/// Sets the payload. See `telemetry.h`.
///
/// # Safety
/// `reference` is NULL or from [`tm_create_record`] and not freed, and no other thread uses its record;
/// `payload` is NULL or a C string.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn tm_set_payload(reference: *mut TelemRef, payload: *mut c_char) -> c_int {
    guarded(-libc::EIO, || {
        // SAFETY: `reference` is NULL or from `tm_create_record` and not freed, and used by this thread alone.
        let Some(record) = (unsafe { record_of(reference) }) else {
            return -libc::EINVAL;
        };
        // SAFETY: `payload` is NULL or a C string, which the caller leaves alone during this call. It may be
        // the record's own payload: that is replaced only after the new one is made.
        let Some(bytes) = (unsafe { head_of(payload, PAYLOAD_BYTES + 1) }) else {
            return -libc::EINVAL;
        };
        let Some(text) = payload::head(bytes).filter(|text| payload::is_text(text)) else {
            return -libc::EINVAL;
        };
        // SAFETY: the payload of the record is NULL or of malloc, as `telemetry.h` demands.
        unsafe { record.set_payload(text) }.map_or(-libc::ENOMEM, |()| 0)
    })
}

/// Sends a record. See `telemetry.h`.
///
/// # Safety
/// `reference` is NULL or from [`tm_create_record`] and not freed, and no other thread uses its record.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn tm_send_record(reference: *mut TelemRef) -> c_int {
    guarded(-libc::EIO, || {
        // SAFETY: `reference` is NULL or from `tm_create_record` and not freed, and used by this thread alone.
        let Some(record) = (unsafe { record_of(reference) }) else {
            return -libc::EINVAL;
        };
        status(client_in_effect().and_then(|client| {
            // SAFETY: the strings of the record are NULL or C strings, as `telemetry.h` demands.
            match unsafe { record.as_record() } {
                Ok(record) => client.send(&record),
                Err(error) => client.check_consent().and(Err(error)),
            }
        }))
    })
}

/// Whether telemetry is opted in. See `telemetry.h`.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn tm_is_opted_in() -> c_int {
    guarded(0, || c_int::from(client_in_effect().is_ok_and(|client| client.is_opted_in())))
}

/// Frees a record. See `telemetry.h`.
///
/// # Safety
/// `reference` is NULL or from [`tm_create_record`] and not freed, and nobody uses it or its record any more.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn tm_free_record(reference: *mut TelemRef) {
    guarded((), || {
        if reference.is_null() {
            return;
        }
        // SAFETY: not NULL, so it came from `Box::into_raw` in `tm_create_record`, is freed once, and is
        // used by nobody else.
        let reference = unsafe { Box::from_raw(reference) };
        if !reference.record.is_null() {
            // SAFETY: likewise; the record belongs to this reference alone.
            let mut record = unsafe { Box::from_raw(reference.record) };
            // SAFETY: the strings of the record are NULL or of malloc, as `telemetry.h` demands, and end with it.
            unsafe { record.free_strings() };
        }
    });
}

impl TelemRecord {
    /// A record of these lines, without a payload; none if there is no memory.
    fn new(lines: &HeaderBlock) -> Option<Self> {
        let mut record = Self {
            headers: [ptr::null_mut(); HEADER_COUNT],
            payload: ptr::null_mut(),
            header_size: lines.as_str().len(),
            payload_size: 0,
        };
        for (slot, header) in record.headers.iter_mut().zip(Header::ALL) {
            let Some(line) = malloc::c_string(lines.line(header).as_bytes()) else {
                // SAFETY: each is still NULL, or was made here.
                unsafe { record.free_strings() };
                return None;
            };
            *slot = line;
        }
        Some(record)
    }

    /// Writes the line of the event id; none, and nothing is changed, if there is no memory.
    ///
    /// # Safety
    /// Each header line is NULL or a C string of malloc.
    unsafe fn set_event_id(&mut self, event_id: HexId) -> Option<()> {
        let line = format!("{}: {event_id}\n", Header::EventId.name());
        let [.., slot] = &mut self.headers;
        // SAFETY: the caller's promise; of the string no more is read than a byte behind such a line.
        if unsafe { head_of(*slot, line.len() + 1) }.is_some_and(|old| old.len() == line.len()) {
            // A pointer that the program took before stays good.
            // SAFETY: the string is a block of malloc, so that it may be written, and has the room: it is as long.
            unsafe { ptr::copy_nonoverlapping(line.as_ptr(), slot.cast(), line.len()) };
        } else {
            let new = malloc::c_string(line.as_bytes())?;
            // SAFETY: the caller's promise; nobody uses it after the record does not.
            unsafe { malloc::free(std::mem::replace(slot, new)) };
        }
        // SAFETY: the caller's promise.
        let lengths = self.headers.iter().filter_map(|line| unsafe { head_of(*line, usize::MAX) });
        self.header_size = lengths.map(<[u8]>::len).sum();
        Some(())
    }

    /// Puts a payload in the place of the one before; none, and nothing is changed, if there is no memory.
    ///
    /// # Safety
    /// The payload is NULL or of malloc.
    unsafe fn set_payload(&mut self, text: &str) -> Option<()> {
        let new = malloc::c_string(text.as_bytes())?;
        self.payload_size = text.len();
        // SAFETY: the caller's promise. `text` may lie in it, and is not used any more.
        unsafe { malloc::free(std::mem::replace(&mut self.payload, new)) };
        Some(())
    }

    /// The record that stands here, whoever wrote it.
    ///
    /// # Errors
    /// [`Error::Header`] and what else is wrong with a line; [`Error::PayloadCharacter`].
    ///
    /// # Safety
    /// Each string is NULL or a C string.
    unsafe fn as_record(&self) -> Result<Record, Error> {
        let mut values = [const { Cow::Borrowed("") }; HEADER_COUNT];
        for ((header, line), value) in Header::ALL.into_iter().zip(self.headers).zip(&mut values) {
            let longest = header.name().len() + ": \n".len() + HEADER_VALUE_BYTES;
            // SAFETY: the caller's promise.
            let line = unsafe { head_of(line, longest + 1) }.filter(|line| line.len() <= longest);
            let found = line.and_then(|line| value_of(line, header.name()));
            // Values of firmware come in any encoding.
            *value = String::from_utf8_lossy(found.ok_or(Error::Header(header.name()))?);
        }
        let mut record = Record::from_headers(HeaderBlock::from_values(values))?;
        // SAFETY: the caller's promise.
        if let Some(payload) = unsafe { head_of(self.payload, PAYLOAD_BYTES + 1) } {
            record.set_payload(payload::head(payload).ok_or(Error::PayloadCharacter)?)?;
        }
        Ok(record)
    }

    /// Frees all strings.
    ///
    /// # Safety
    /// Each is NULL or of malloc, and nobody uses it any more.
    unsafe fn free_strings(&mut self) {
        for string in self.headers.iter_mut().chain([&mut self.payload]) {
            // SAFETY: the caller's promise; no string is left to be freed again.
            unsafe { malloc::free(std::mem::replace(string, ptr::null_mut())) };
        }
    }
}

/// The value of a whole line, `NAME: VALUE\n`. Old programs may leave out the blank.
fn value_of<'a>(line: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let value = line.strip_prefix(name.as_bytes())?.strip_prefix(b":")?.strip_suffix(b"\n")?;
    let value = value.strip_prefix(b" ").unwrap_or(value);
    (!value.contains(&b'\n')).then_some(value)
}

/// The client of the configuration in effect: of the file set last, else of the system's, which is read at
/// the first call that needs it.
fn client_in_effect() -> Result<Arc<Client>, Error> {
    if let Some(client) = CLIENT.load_full() {
        return Ok(client);
    }
    let client = Arc::new(Client::new()?);
    // A file that another thread set meanwhile wins.
    let before = CLIENT.compare_and_swap(&None::<Arc<Client>>, Some(Arc::clone(&client)));
    Ok(Option::clone(&before).unwrap_or(client))
}

fn status(result: Result<(), Error>) -> c_int {
    result.map_or_else(|error| -(error.errno() as c_int), |()| 0)
}

/// Runs the body of a C function. A panic ends here, as `on_panic`: to unwind into C is undefined.
fn guarded<T>(on_panic: T, body: impl FnOnce() -> T) -> T {
    uncancelled(|| catch_unwind(AssertUnwindSafe(body)).unwrap_or(on_panic))
}

/// The record behind a reference; none if either pointer is NULL.
///
/// # Safety
/// `reference` is NULL or from [`tm_create_record`] and not freed, and nobody else uses its record during `'a`.
unsafe fn record_of<'a>(reference: *mut TelemRef) -> Option<&'a mut TelemRecord> {
    // SAFETY: NULL, or an aligned, initialized `TelemRef` from `Box::into_raw` that is not freed during `'a`.
    let reference = unsafe { reference.as_ref() }?;
    // SAFETY: likewise for its record; the caller promises that this is the only use of it during `'a`.
    unsafe { reference.record.as_mut() }
}

/// As [`head_of`], as text; none if it is not UTF-8.
///
/// # Safety
/// As [`head_of`].
unsafe fn text_of<'a>(text: *const c_char, max_bytes: usize) -> Option<&'a str> {
    // SAFETY: the caller keeps the same promise.
    let bytes = unsafe { head_of(text, max_bytes) }?;
    std::str::from_utf8(bytes).ok()
}

/// The bytes of a C string, without its NUL, at most `max_bytes`; none for NULL.
///
/// # Safety
/// `text` is NULL, or its bytes up to the first NUL or up to `max_bytes` are readable and unchanged during `'a`.
unsafe fn head_of<'a>(text: *const c_char, max_bytes: usize) -> Option<&'a [u8]> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not NULL, so readable up to its NUL or up to `max_bytes`; no further byte is read.
    let length = unsafe { libc::strnlen(text, max_bytes) };
    // SAFETY: `strnlen` just read these bytes; bytes need no alignment; they do not change during `'a`.
    Some(unsafe { std::slice::from_raw_parts(text.cast(), length) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::ffi::CStr;

    fn text_at(pointer: *const c_char) -> &'static str {
        assert!(!pointer.is_null());
        // SAFETY: a pointer of a record that the test holds, to bytes that end in NUL.
        unsafe { CStr::from_ptr(pointer) }.to_str().unwrap()
    }

    /// A record as C programs have it, and its end.
    struct Held(TelemRecord);

    impl Drop for Held {
        fn drop(&mut self) {
            // SAFETY: the tests put only strings of malloc into it.
            unsafe { self.0.free_strings() };
        }
    }

    fn record() -> Held {
        Held(TelemRecord::new(Record::new(3, "org.example/test/capi", 1).unwrap().headers()).unwrap())
    }

    impl Held {
        fn set_event_id(&mut self, id: &str) {
            // SAFETY: the tests put only strings of malloc into it.
            unsafe { self.0.set_event_id(id.parse().unwrap()) }.unwrap();
        }

        fn set_payload(&mut self, text: &str) {
            // SAFETY: as above.
            unsafe { self.0.set_payload(text) }.unwrap();
        }

        /// Puts a string of the program in the place of a header line.
        fn replace(&mut self, header: Header, line: &[u8]) {
            // SAFETY: as above, and no pointer to it was kept.
            unsafe { malloc::free(self.0.headers[header as usize]) };
            self.0.headers[header as usize] = malloc::c_string(line).unwrap();
        }

        fn as_record(&self) -> Result<Record, Error> {
            // SAFETY: as above.
            unsafe { self.0.as_record() }
        }
    }

    #[test]
    fn the_structure_shows_the_record_that_is_sent() {
        let mut record = record();
        let sent = record.as_record().unwrap();
        assert_eq!(sent.payload(), None);
        for (pointer, header) in record.0.headers.iter().zip(Header::ALL) {
            assert_eq!(text_at(*pointer), sent.headers().line(header));
        }
        assert_eq!(record.0.header_size, sent.headers().as_str().len());
        assert!(record.0.payload.is_null());
        record.set_payload("text");
        assert_eq!(record.as_record().unwrap().payload(), Some("text"));
    }

    #[test]
    fn an_event_id_is_replaced_in_place_where_it_fits() {
        let mut record = record();
        let (pointer, size) = (record.0.headers[14], record.0.header_size);
        for id in ["0123456789abcdef0123456789abcdef", "ffffffffffffffffffffffffffffffff"] {
            record.set_event_id(id);
            assert_eq!(text_at(pointer), format!("event_id: {id}\n"));
            assert!(text_at(record.0.headers[13]).starts_with("bios_version: "));
            assert_eq!((record.0.headers[14], record.0.header_size), (pointer, size));
        }
        for own in ["", "event_id: 0\n", &"x".repeat(1000)] {
            record.replace(Header::EventId, own.as_bytes());
            record.set_event_id("0123456789abcdef0123456789abcdef");
            assert_eq!(text_at(record.0.headers[14]), "event_id: 0123456789abcdef0123456789abcdef\n");
            assert_eq!(record.0.header_size, size);
        }
    }

    #[test]
    fn a_second_payload_replaces_the_first() {
        let mut record = record();
        record.set_payload("first");
        record.set_payload("two\n");
        assert_eq!((text_at(record.0.payload), record.0.payload_size), ("two\n", 4));
        assert_eq!(record.as_record().unwrap().payload(), Some("two\n"));
    }

    #[test]
    fn lines_of_a_program_are_sent_or_refused() {
        let longest = [b"build: ".as_slice(), &[b'x'; HEADER_VALUE_BYTES], b"\n"].concat();
        for (line, sent) in [
            (b"build: mine\n".as_slice(), Some("mine")),
            (b"build:mine\n", Some("mine")),
            (b"build: \n", Some("")),
            (b"build: a\tb\n", Some("a b")),
            (b"build: \xe9\n", Some("\u{fffd}")),
            (&longest, Some(&"x".repeat(HEADER_VALUE_BYTES))),
            (&[b"build: x".as_slice(), &longest["build: ".len()..]].concat(), None),
            (b"build: mine", None),
            (b"build: a\nb\n", None),
            (b"build: a\n\n", None),
            (b"Build: mine\n", None),
            (b"build\n", None),
            (b"\n", None),
            (b"", None),
        ] {
            let mut record = record();
            record.replace(Header::Build, line);
            let taken = record.as_record();
            let text = String::from_utf8_lossy(line);
            match sent {
                Some(value) => assert_eq!(taken.unwrap().headers().value(Header::Build), value, "{text}"),
                None => assert!(matches!(taken, Err(Error::Header("build"))), "{text}"),
            }
        }
        let mut record = record();
        record.replace(Header::Severity, b"severity: 9\n");
        assert!(matches!(record.as_record(), Err(Error::Header("severity"))));
    }

    #[test]
    fn a_panic_becomes_an_error_number() {
        assert_eq!(guarded(-libc::EIO, || panic!("on purpose")), -libc::EIO);
    }

    proptest! {
        #[test]
        fn any_bytes_from_c_are_taken_or_refused(mut bytes in prop::collection::vec(1_u8.., 0..200)) {
            bytes.push(0);
            let text = bytes.as_ptr().cast_mut().cast::<c_char>();
            let mut reference = ptr::null_mut();
            // SAFETY: `reference` is room for a pointer, `text` ends in NUL.
            let created = unsafe { tm_create_record(&raw mut reference, 1, text, 1) };
            prop_assert_eq!(created == 0, !reference.is_null());
            let mut record = record();
            let mut own = TelemRef { record: &raw mut record.0 };
            // SAFETY: `own` is a reference to a record of this thread, `text` ends in NUL.
            let set = unsafe { tm_set_payload(&raw mut own, text) };
            prop_assert_eq!(set == 0, !record.0.payload.is_null());
            // SAFETY: as above.
            prop_assert_eq!(unsafe { tm_set_event_id(&raw mut own, text) }, -1);
            // SAFETY: NULL, or made above and not freed yet.
            unsafe { tm_free_record(reference) };
        }
    }
}
