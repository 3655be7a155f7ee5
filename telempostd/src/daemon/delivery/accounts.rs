//! Which user ids are one user, as far as that changes while the daemon runs.

use super::Delivery;
use std::rc::Rc;
use std::time::Instant;

impl Delivery<'_> {
    /// Takes ids for one user that are so now.
    pub(super) fn refresh_accounts(&mut self, now: Instant) {
        if self.accounts.refresh_if_due(now) {
            self.reader.set_accounts(Rc::clone(self.accounts.accounts()));
            self.janitor.set_accounts(Rc::clone(self.accounts.accounts()));
        }
    }
}
