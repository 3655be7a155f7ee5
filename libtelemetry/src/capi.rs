//! The C interface: what `telemetry.h` promises, as a thin face on [`Client`] and [`Record`].
//!
//! Each function checks for NULL, converts, calls the safe API, and maps the error to a number. The public fields of
//! [`TelemRecord`] are for C to read: the library writes them and never reads them back, so that a program that scribbles
//! on them harms nobody but itself.
#![allow(unsafe_code)] // The crate's one door: pointers come in from C here.

use crate::client::Client;
use crate::error::Error;
use crate::record::Record;
use arc_swap::ArcSwapOption;
use std::cell::Cell;
use std::ffi::{OsStr, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::ptr;
use std::sync::Arc;
use telemetry_record::header::{Header, HeaderBlock};
use telemetry_record::hex_id::HEX_DIGITS;
use telemetry_record::limits::{CLASSIFICATION_BYTES, CONFIG_PATH_BYTES, HEADER_COUNT, PAYLOAD_BYTES};

/// `struct telem_ref`. Made and freed here alone.
#[repr(C)]
pub(crate) struct TelemRef {
    record: *mut TelemRecord,
}

/// `struct telem_record`: the fields up to `payload_size` are the interface, the rest is ours.
#[repr(C)]
pub(crate) struct TelemRecord {
    headers: [*mut c_char; HEADER_COUNT],
    payload: *mut c_char,
    header_size: usize,
    payload_size: usize,
    record: Record,
    /// The header lines, a NUL behind each; `headers` points into it. `Cell`, since the event id is
    /// replaced in place: a pointer that a program took before stays good.
    lines: Vec<Cell<u8>>,
    /// The payload and a NUL; empty until it is set. `payload` points to it.
    payload_text: Vec<u8>,
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
        status(Record::new(severity, classification, payload_version).map(|record| {
            let record = Box::into_raw(Box::new(TelemRecord::new(record)));
            // SAFETY: as above, `reference` is room for a pointer.
            unsafe { reference.write(Box::into_raw(Box::new(TelemRef { record }))) }
        }))
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
        record.set_event_id(event_id).map_or(-1, |()| 0)
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
        payload_head(bytes).map_or(-libc::EINVAL, |text| status(record.set_payload(text)))
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
        status(client_in_effect().and_then(|client| client.send(&record.record)))
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
            drop(unsafe { Box::from_raw(reference.record) });
        }
    });
}

impl TelemRecord {
    fn new(record: Record) -> Self {
        let headers = record.headers();
        let lines = terminated_lines(headers);
        let mut next: *mut c_char = lines.as_ptr().cast_mut().cast();
        let pointers = Header::ALL.map(|header| {
            let line = next;
            next = next.wrapping_add(headers.line(header).len() + 1);
            line
        });
        Self {
            headers: pointers,
            payload: ptr::null_mut(),
            header_size: headers.as_str().len(),
            payload_size: 0,
            record,
            lines,
            payload_text: Vec::new(),
        }
    }

    fn set_event_id(&mut self, event_id: &str) -> Result<(), Error> {
        self.record.set_event_id(event_id)?;
        // The last line, of the same length with every id.
        let line = self.record.headers().line(Header::EventId).bytes();
        for (slot, byte) in self.lines.iter().rev().skip(1).zip(line.rev()) {
            slot.set(byte);
        }
        Ok(())
    }

    fn set_payload(&mut self, text: &str) -> Result<(), Error> {
        self.record.set_payload(text)?;
        let mut terminated = Vec::with_capacity(text.len() + 1);
        terminated.extend(text.as_bytes());
        terminated.push(0);
        self.payload = terminated.as_mut_ptr().cast();
        self.payload_size = text.len();
        self.payload_text = terminated;
        Ok(())
    }
}

fn terminated_lines(headers: &HeaderBlock) -> Vec<Cell<u8>> {
    let mut lines = Vec::with_capacity(headers.as_str().len() + HEADER_COUNT);
    for header in Header::ALL {
        lines.extend(headers.line(header).bytes().map(Cell::new));
        lines.push(Cell::new(0));
    }
    lines
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

/// Runs the body of a C function. A panic ends here, as `on_panic`: to unwind into C is undefined. So is
/// the unwinding of `pthread_cancel` through Rust, which therefore waits until the call is over.
fn guarded<T>(on_panic: T, body: impl FnOnce() -> T) -> T {
    let before = set_cancel_state(PTHREAD_CANCEL_DISABLE);
    let result = catch_unwind(AssertUnwindSafe(body)).unwrap_or(on_panic);
    set_cancel_state(before);
    result
}

/// Sets whether this thread can be cancelled, and returns what held before.
fn set_cancel_state(state: c_int) -> c_int {
    let mut before = 0;
    // SAFETY: `before` is room for an integer during the call; the state is one that pthread.h names, or
    // came from this function.
    unsafe { pthread_setcancelstate(state, &raw mut before) };
    before
}

/// From pthread.h; the libc crate has neither.
const PTHREAD_CANCEL_DISABLE: c_int = 1;

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
}

/// The payload as it will be kept. Of a text longer than a payload may be, only what fits is examined.
fn payload_head(bytes: &[u8]) -> Option<&str> {
    let Some(kept) = bytes.get(..PAYLOAD_BYTES).filter(|_| bytes.len() > PAYLOAD_BYTES) else {
        return std::str::from_utf8(bytes).ok();
    };
    match std::str::from_utf8(kept) {
        Ok(text) => Some(text),
        // The cut went through a character.
        Err(error) if error.error_len().is_none() => {
            kept.get(..error.valid_up_to()).and_then(|whole| std::str::from_utf8(whole).ok())
        }
        Err(_) => None,
    }
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

    fn record() -> TelemRecord {
        TelemRecord::new(Record::new(3, "org.example/test/capi", 1).unwrap())
    }

    #[test]
    fn c_programs_see_the_lines_of_the_record() {
        let record = record();
        for (pointer, header) in record.headers.iter().zip(Header::ALL) {
            assert_eq!(text_at(*pointer), record.record.headers().line(header));
        }
        assert_eq!(record.header_size, record.record.headers().as_str().len());
        assert!(record.payload.is_null());
    }

    #[test]
    fn an_event_id_is_replaced_in_place() {
        let mut record = record();
        let (pointer, size) = (record.headers[14], record.header_size);
        for id in ["0123456789abcdef0123456789abcdef", "ffffffffffffffffffffffffffffffff"] {
            record.set_event_id(id).unwrap();
            assert_eq!(text_at(pointer), format!("event_id: {id}\n"));
            assert!(text_at(record.headers[13]).starts_with("bios_version: "));
            assert_eq!((record.headers[14], record.header_size), (pointer, size));
        }
        assert!(record.set_event_id("0").is_err());
        assert_eq!(text_at(pointer), "event_id: ffffffffffffffffffffffffffffffff\n");
    }

    #[test]
    fn a_second_payload_replaces_the_first() {
        let mut record = record();
        record.set_payload("first").unwrap();
        record.set_payload("two\n").unwrap();
        assert_eq!((text_at(record.payload), record.payload_size), ("two\n", 4));
        assert!(record.set_payload("\u{1b}").is_err());
        assert_eq!((text_at(record.payload), record.payload_size), ("two\n", 4));
        assert_eq!(record.record.payload(), Some("two\n"));
    }

    #[test]
    fn a_payload_is_judged_by_what_is_kept_of_it() {
        let filled = |head: usize, tail: &[u8]| [vec![b'x'; head], tail.to_vec()].concat();
        for (bytes, kept) in [
            (filled(PAYLOAD_BYTES, b""), Some(PAYLOAD_BYTES)),
            (filled(PAYLOAD_BYTES, b"\xff"), Some(PAYLOAD_BYTES)),
            (filled(PAYLOAD_BYTES - 1, b"\xc3\xa9"), Some(PAYLOAD_BYTES - 1)),
            (filled(PAYLOAD_BYTES - 1, b"\xc3"), None),
            (filled(PAYLOAD_BYTES - 1, b"\xffx"), None),
            (filled(0, b"\xff"), None),
            (filled(0, b""), Some(0)),
        ] {
            assert_eq!(payload_head(&bytes).map(str::len), kept, "{} bytes", bytes.len());
        }
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
            let mut own = TelemRef { record: &raw mut record };
            // SAFETY: `own` is a reference to a record of this thread, `text` ends in NUL.
            let set = unsafe { tm_set_payload(&raw mut own, text) };
            prop_assert_eq!(set == 0, !record.payload.is_null());
            // SAFETY: as above.
            prop_assert_eq!(unsafe { tm_set_event_id(&raw mut own, text) }, -1);
            // SAFETY: NULL, or made above and not freed yet.
            unsafe { tm_free_record(reference) };
        }
    }
}
