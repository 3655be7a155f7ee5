//! Which records go into a segment, and when a segment is closed.
//!
//! The first record after a pause is a file of its own, visible at once and of the C daemons' form. Those of the same user
//! that follow it closely go into his segment, which is closed as soon as he pauses: what waits for delivery is never held up
//! longer than [`LONGEST_OPEN`].
//!
//! Spare segments are made several together, under one sync of the directory, and removed when nobody has needed one for a
//! while. Dropped, this closes what is open and leaves no spare ones.

use crate::admission::record_bytes;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};
use telemetry_record::message::Message;
use telemetry_store::spool::{Durability, Segment, StoredFile, Writer};

/// Records of a user follow each other closely if there is at most this time from an answer to the next record.
const CLOSE_TOGETHER: Duration = Duration::from_millis(5);

/// A segment is closed once its user has sent nothing for so long, ...
const PAUSE: Duration = Duration::from_millis(2);

/// ... or once it is so old, ...
const LONGEST_OPEN: Duration = Duration::from_millis(50);

/// ... or once more than so many are open: the oldest.
const MAX_OPEN: usize = 8;

/// Spare segments that are made together.
const SPARES: usize = 8;

/// Spare segments are removed when none was needed for so long.
const SPARES_KEPT: Duration = Duration::from_secs(1);

/// The segments of a spool.
#[derive(Debug)]
pub(super) struct Segments {
    writer: Rc<Writer>,
    durability: Durability,
    /// The oldest first.
    open: Vec<OpenSegment>,
    spares: Vec<Segment>,
    spare_taken: Option<Instant>,
    /// Users, and when they were last answered. Older ones than [`CLOSE_TOGETHER`] are forgotten.
    answered: Vec<(u32, Instant)>,
    fault: Option<io::Error>,
}

#[derive(Debug)]
struct OpenSegment {
    user: u32,
    segment: Segment,
    opened: Instant,
    answered: Instant,
    /// As it counts in the spool; none while nothing is in it.
    file: Option<StoredFile>,
}

impl OpenSegment {
    fn is_due(&self, now: Instant) -> bool {
        self.due() <= now
    }

    fn due(&self) -> Instant {
        (self.answered + PAUSE).min(self.opened + LONGEST_OPEN)
    }
}

impl Segments {
    /// None yet.
    pub(super) fn new(writer: Rc<Writer>, durability: Durability) -> Self {
        Self {
            writer,
            durability,
            open: Vec::new(),
            spares: Vec::new(),
            spare_taken: None,
            answered: Vec::new(),
            fault: None,
        }
    }

    /// Whether records of this user go into a segment, which has room for them then: they follow closely on what he sent
    /// before. Those of one turn are never parted.
    pub(super) fn make_room(&mut self, user: u32, messages: &[&Message], now: Instant) -> bool {
        let is_close = |at: Instant| now.saturating_duration_since(at) <= CLOSE_TOGETHER;
        if !self.answered.iter().any(|(of, at)| *of == user && is_close(*at)) {
            return false;
        }
        let bytes = messages.iter().map(|message| record_bytes(message)).sum();
        if let Some(index) = self.open.iter().position(|open| open.user == user) {
            if self.open.get(index).is_some_and(|open| open.segment.has_room(messages.len(), bytes)) {
                return true;
            }
            let full = self.open.remove(index);
            self.close(full.segment);
        }
        let Some(segment) = self.take_spare(now) else { return false };
        self.open.push(OpenSegment { user, segment, opened: now, answered: now, file: None });
        if self.open.len() > MAX_OPEN {
            let oldest = self.open.remove(0);
            self.close(oldest.segment);
        }
        true
    }

    /// Appends records for which [`Segments::make_room`] found room.
    ///
    /// # Errors
    /// As the system says; then none of them is stored.
    pub(super) fn append(&mut self, user: u32, messages: &[&Message]) -> io::Result<StoredFile> {
        let index = self.open.iter().position(|open| open.user == user);
        let Some(open) = index.and_then(|index| self.open.get_mut(index)) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let appended = open.segment.append(user, messages, self.durability);
        if let (Ok(_), Some(stamp)) = (&appended, self.writer.stamp()) {
            // Without it the file has the wall clock's, and is as old as that makes it.
            let _ = open.segment.set_stamp(stamp);
        }
        match &appended {
            Ok(file) => open.file = Some(file.clone()),
            // What it held before was answered.
            Err(_) => {
                if let Some(index) = index {
                    let failed = self.open.remove(index);
                    self.close(failed.segment);
                }
            }
        }
        appended
    }

    /// A user is answered now.
    pub(super) fn note_answer(&mut self, user: u32, now: Instant) {
        self.answered.retain(|(of, at)| *of != user && now.saturating_duration_since(*at) <= CLOSE_TOGETHER);
        self.answered.push((user, now));
        if let Some(open) = self.open.iter_mut().find(|open| open.user == user) {
            open.answered = now;
        }
    }

    /// The files that are open, as they count in the spool.
    pub(super) fn files(&self) -> impl Iterator<Item = &StoredFile> {
        self.open.iter().filter_map(|open| open.file.as_ref())
    }

    /// Closes what is due, and removes spare ones that nobody needs.
    pub(super) fn close_due(&mut self, now: Instant) {
        while let Some(index) = self.open.iter().position(|open| open.is_due(now)) {
            let due = self.open.remove(index);
            self.close(due.segment);
        }
        if self.spares_due().is_some_and(|due| due <= now) {
            self.remove_spares();
        }
    }

    /// Time until [`Segments::close_due`] has something to do; none if nothing is open.
    pub(super) fn time_left(&self, now: Instant) -> Option<Duration> {
        let due = self.open.iter().map(OpenSegment::due).chain(self.spares_due()).min()?;
        Some(due.saturating_duration_since(now))
    }

    /// Closes all.
    pub(super) fn close_all(&mut self) {
        for open in std::mem::take(&mut self.open) {
            self.close(open.segment);
        }
        self.remove_spares();
    }

    /// Why a segment could not be closed since the last call. It waits to be recovered then.
    pub(super) fn take_fault(&mut self) -> Option<io::Error> {
        self.fault.take()
    }

    fn spares_due(&self) -> Option<Instant> {
        Some(self.spare_taken? + SPARES_KEPT)
    }

    fn take_spare(&mut self, now: Instant) -> Option<Segment> {
        if self.spares.is_empty() {
            // If it fails, so does the file that is written instead, and its fault is the one to be reported.
            self.spares = Segment::make_spares(&self.writer, SPARES, self.durability).ok()?;
        }
        self.spare_taken = Some(now);
        self.spares.pop()
    }

    fn remove_spares(&mut self) {
        for spare in std::mem::take(&mut self.spares) {
            self.close(spare);
        }
        self.spare_taken = None;
    }

    fn close(&mut self, segment: Segment) {
        if let Err(error) = segment.close(&self.writer) {
            self.fault = Some(error);
        }
    }
}

impl Drop for Segments {
    fn drop(&mut self) {
        self.close_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry_record::header::{Header, HeaderBlock};
    use telemetry_store::spool::{SpoolDir, file};

    const MS: Duration = Duration::from_millis(1);

    fn message() -> Message {
        let headers = HeaderBlock::from_values(Header::ALL.map(Header::name));
        Message { config: None, headers, payload: "x".to_owned() }
    }

    fn segments() -> (tempfile::TempDir, SpoolDir, Segments) {
        let dir = tempfile::tempdir().unwrap();
        let writer = Rc::new(Writer::open_or_create(dir.path()).unwrap());
        let spool = SpoolDir::open(dir.path()).unwrap();
        (dir, spool, Segments::new(writer, Durability::Atomic))
    }

    /// Stores so many records if a segment is wanted for them, and answers. Returns whether one was.
    fn send(segments: &mut Segments, user: u32, count: usize, now: Instant) -> bool {
        let message = message();
        let messages = vec![&message; count];
        let is_wanted = segments.make_room(user, &messages, now);
        if is_wanted {
            segments.append(user, &messages).unwrap();
        }
        segments.note_answer(user, now);
        is_wanted
    }

    /// Numbers of records in the files of the spool.
    fn counts(spool: &SpoolDir) -> Vec<usize> {
        let entries = spool.entries().unwrap();
        let count = |name: &std::ffi::OsStr| file::decode(name, &spool.read(name).unwrap()).records.len();
        let mut counts: Vec<_> = entries.iter().map(|entry| count(&entry.name)).collect();
        counts.sort_unstable();
        counts
    }

    #[test]
    fn only_what_follows_closely_goes_into_a_segment() {
        let (_dir, spool, mut segments) = segments();
        let start = Instant::now();
        for (user, at_ms, is_wanted) in
            [(1, 0, false), (2, 1, false), (1, 5, true), (1, 10, true), (2, 7, false), (1, 16, false)]
        {
            let now = start + at_ms * MS;
            assert_eq!(send(&mut segments, user, 1, now), is_wanted, "user {user} at {at_ms}");
        }
        segments.close_all();
        assert_eq!(counts(&spool), [2]);
    }

    #[test]
    fn a_segment_is_closed_when_its_user_pauses_or_it_is_old() {
        let (_dir, spool, mut segments) = segments();
        let start = Instant::now();
        send(&mut segments, 1, 1, start);
        assert_eq!(segments.time_left(start), None);
        for ms in 1..=49 {
            assert!(send(&mut segments, 1, 1, start + ms * MS));
            segments.close_due(start + ms * MS);
            assert_eq!(segments.time_left(start + ms * MS), Some((51 - ms).min(2) * MS));
        }
        segments.close_due(start + 50 * MS);
        assert_eq!(counts(&spool), [0; 0]);
        send(&mut segments, 1, 1, start + 51 * MS);
        segments.close_due(start + 51 * MS);
        assert_eq!(counts(&spool), [50]);
        send(&mut segments, 1, 1, start + 52 * MS);
        segments.close_due(start + 53 * MS);
        assert_eq!(counts(&spool), [50]);
        segments.close_due(start + 54 * MS);
        assert_eq!(counts(&spool), [1, 50]);
    }

    #[test]
    fn a_turn_is_never_parted() {
        let (_dir, spool, mut segments) = segments();
        let now = Instant::now();
        send(&mut segments, 1, 1, now);
        for count in [40, 30, 34, 64] {
            assert!(send(&mut segments, 1, count, now));
        }
        segments.close_all();
        assert_eq!(counts(&spool), [40, 64, 64]);
    }

    #[test]
    fn of_many_the_oldest_is_closed_and_spare_ones_go_after_a_while() {
        let (_dir, spool, mut segments) = segments();
        let start = Instant::now();
        for user in 0..20 {
            send(&mut segments, user, 1, start);
            send(&mut segments, user, 1, start);
        }
        assert_eq!((counts(&spool).len(), segments.files().count()), (12, MAX_OPEN));
        segments.close_due(start + PAUSE);
        assert_eq!((counts(&spool).len(), segments.files().count()), (20, 0));
        let left = std::fs::read_dir(spool.path()).unwrap().count() - 20;
        assert_eq!(left, 3 * SPARES - 20);
        assert_eq!(segments.time_left(start + PAUSE), Some(SPARES_KEPT - PAUSE));
        segments.close_due(start + SPARES_KEPT);
        assert_eq!(std::fs::read_dir(spool.path()).unwrap().count(), 20);
        assert_eq!(segments.time_left(start + SPARES_KEPT), None);
        assert!(segments.take_fault().is_none());
    }

    #[test]
    fn dropped_it_leaves_closed_segments_alone() {
        let (_dir, spool, mut segments) = segments();
        let now = Instant::now();
        send(&mut segments, 1, 1, now);
        send(&mut segments, 1, 1, now);
        drop(segments);
        assert_eq!(counts(&spool), [1]);
        assert_eq!(std::fs::read_dir(spool.path()).unwrap().count(), 1);
    }
}
