//! What groups need in the background, a bounded part at a time; whoever is killed in between goes on where it was.
//!
//! ```text
//!  other rules? ──▶ regroup ──▶ records on their way? ──▶ move 1,000
//!                              records without a group yet? ──▶ read 500, newest first
//!                              another blacklist? ──▶ find guilties again, 200 at a time
//!                              a day that has ended? ──▶ count its fleet again
//!                              all days counted ──▶ silence and what came back; what has outlived its time
//! ```

mod days;
mod guilties;
mod old_records;
mod outlived;
mod silence;

use super::changes::{Regrouping, move_step, regroup};
use super::grouping::Directory;
use super::sql::{first, one};
use super::{Session, StorageError};
use crate::groups::counting::day_of;
use crate::groups::rules::Rules;
use crate::retention::Retention;

/// Times that a regrouping is tried while new variants come faster than it is found out.
const TRIES: u32 = 5;

/// A session, and what it knows.
pub(super) struct Upkeep {
    session: Box<dyn Session>,
    directory: Directory,
    /// The version of the rules that are known to be taken.
    rules: String,
}

impl Upkeep {
    pub(super) fn new(session: Box<dyn Session>) -> Self {
        Self { session, directory: Directory::default(), rules: String::new() }
    }

    /// Does the next part; says whether there is more to do at once.
    pub(super) fn step(
        &mut self,
        rules: &Rules,
        retention: &Retention,
        now_secs: i64,
    ) -> Result<bool, StorageError> {
        if self.rules != rules.version() {
            self.take(rules, now_secs)?;
            return Ok(true);
        }
        let mut has_more = false;
        self.session.write(&mut |sql| {
            has_more = move_step(sql)?;
            Ok(())
        })?;
        if has_more || old_records::step(self, rules)? || guilties::step(self)? {
            return Ok(true);
        }
        let today = day_of(now_secs);
        let settled = one(&mut *self.session, "SELECT settled_day FROM grouping", &[])?.int()?;
        if settled >= today - 1 {
            return Ok(false);
        }
        self.session.write(&mut |sql| {
            has_more = days::settle_next(sql, today)?;
            if !has_more {
                silence::judge(sql, now_secs)?;
                outlived::remove(sql, retention, now_secs)?;
                sql.execute("UPDATE grouping SET settled_day = $1", &[(today - 1).into()])?;
            }
            Ok(())
        })?;
        if !has_more {
            // What an older collector made meanwhile is found.
            self.rules.clear();
        }
        Ok(has_more)
    }

    /// Takes rules, unless all that is stored was made by them.
    fn take(&mut self, rules: &Rules, now_secs: i64) -> Result<(), StorageError> {
        let taken = one(&mut *self.session, "SELECT rules FROM grouping", &[])?.text()?;
        let mut is_taken = taken == rules.version() && !has_older_variants(&mut *self.session, rules)?;
        for _ in 0..TRIES {
            if is_taken {
                break;
            }
            let found = Regrouping::new(&mut *self.session, rules)?;
            self.session.write(&mut |sql| {
                is_taken = regroup(sql, rules, &found, now_secs)?;
                Ok(())
            })?;
        }
        if !is_taken {
            // Within the transaction nothing new comes.
            self.session.write(&mut |sql| super::changes::regroup_now(sql, rules, now_secs))?;
        }
        self.rules = rules.version().to_owned();
        Ok(())
    }
}

/// Whether a variant was made by other rules: a collector has them for some seconds after they changed, or for as long as it is
/// an older one.
fn has_older_variants(session: &mut dyn Session, rules: &Rules) -> Result<bool, StorageError> {
    let query = "SELECT 1 FROM variants WHERE rules <> $1 LIMIT 1";
    Ok(first(session, query, &[rules.version().into()])?.is_some())
}

impl std::fmt::Debug for Upkeep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upkeep").field("rules", &self.rules).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
