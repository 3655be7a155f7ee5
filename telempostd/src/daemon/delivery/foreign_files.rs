//! Files that records name, when they were read.

use super::Delivery;
use crate::foreign::{Purpose, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;
use telemetry_runtime::foreign_files::{FileError, ForeignFile};

impl Delivery<'_> {
    /// Goes on with the records whose configuration or certificates were read, or will not be.
    pub(super) fn take_foreign_files(&mut self, now: Instant) {
        for Read { tokens, file } in self.foreign_files.take(now) {
            for purpose in tokens {
                self.take_foreign_file(purpose, &file, now);
            }
        }
        for (name, modified_ns) in self.reader.due(now, |name| !self.queue.is_open(name)) {
            self.queue.add_file(name, modified_ns);
        }
    }

    fn take_foreign_file(&mut self, purpose: Purpose, file: &Result<ForeignFile, FileError>, now: Instant) {
        match purpose {
            Purpose::Configuration { file: name, path } => {
                let without_answer = self.reader.answered(&name, path, file, now);
                if !without_answer.is_empty() {
                    self.queue.note_unread_configurations(&without_answer);
                }
            }
            Purpose::Certificates(tag) => {
                let (exchange, mut settling) = self.exchange(now);
                exchange.certificates_read(tag, file, &mut settling);
            }
        }
    }

    /// What to wait for from those who read them.
    pub(in crate::daemon) fn foreign_files(&self) -> BorrowedFd<'_> {
        self.foreign_files.as_fd()
    }
}
