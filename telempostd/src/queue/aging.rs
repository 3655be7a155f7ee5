//! Files that are too old, or too many, and what has to have failed before they may go.

use super::lane::{LaneId, LaneSet};
use super::{FileName, Queue};
use std::collections::HashSet;

impl<R> Queue<R> {
    /// A file of the queue is too old. It stays until a request to its server has failed since.
    pub(crate) fn set_too_old(&mut self, name: &FileName) {
        self.has_too_old = true;
        self.files.set_too_old(name, self.failures);
    }

    /// The configurations that name the servers of these files could not be read, which is a failed try as well.
    pub(crate) fn note_unread_configurations(&mut self, names: &[FileName]) {
        self.failures += 1;
        for name in names {
            self.files.set_unread_configuration(name, self.failures);
        }
    }

    /// Whether [`Queue::take_expired`] may return some.
    pub(crate) fn may_have_expired(&self) -> bool {
        self.has_too_old && self.failures_seen != self.failures
    }

    /// The files that are too old and were not taken by the servers of any of their records since that is known, after
    /// there was another failure; up to so many. They are to be removed, and then forgotten.
    pub(crate) fn take_expired(&mut self, maximum: usize) -> Vec<FileName> {
        if !self.may_have_expired() {
            return Vec::new();
        }
        let has_failed = |lanes: LaneSet, since, unread_configuration| {
            let mut lanes = lanes.iter().filter_map(|id| self.lanes.get(id.0)).peekable();
            let has_server = lanes.peek().is_some();
            if has_server {
                lanes.all(|lane| lane.last_failure > since)
            } else {
                unread_configuration > since
            }
        };
        let too_old = self.files.too_old();
        let too_old = too_old.filter(|(_, since, lanes, unread)| has_failed(*lanes, *since, *unread));
        let expired: Vec<_> = too_old.map(|(name, ..)| name).take(maximum).collect();
        if expired.len() < maximum {
            self.failures_seen = self.failures;
        }
        expired
    }

    /// The files that wait for servers which all failed after this failure.
    pub(crate) fn waited_for_failed(&self, since: u64) -> HashSet<FileName> {
        let failed = self.lanes.iter().enumerate().filter(|(_, lane)| lane.last_failure > since);
        let failed: LaneSet = failed.map(|(index, _)| LaneId(index)).collect();
        let waiting = failed.iter().flat_map(|id| self.files.waiting_for(id));
        waiting.filter(|(_, lanes)| lanes.is_within(failed)).map(|(name, _)| name).collect()
    }
}
