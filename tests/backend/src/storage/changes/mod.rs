//! Changes of what is in which group, by people and by rules, and what follows from them in the background.
//!
//! ```text
//!  Wish ──▶ checked against the history ──▶ decision ──▶ plan ──▶ groups, redirects, variants   one transaction
//!  Rules ──▶ preview ─────────────────────▶ signatures ─▶ plan ─┤        │ counts the generation up
//!  names from debug files ─▶ variants ────▶ signatures ─▶ plan ─┘        │
//!                                                                        ▼
//!                             moves: records of a group whose variant is in another one, 1,000 a transaction
//! ```
//!
//! A variant moves at once, so that new records follow at once; the records that it has follow in steps, each with its
//! counts. What is still to be moved is never noted record by record: it is every record whose group is not its variant's.
//! So a step that was broken off has done nothing, and a further change in the middle of the way is no special case.
//!
//! What people change that is of no group (the site's rules, monitoring-params.xml, the guilties as the Flask backend had them) is kept in `changes`: who,
//! when, before, after.

mod apply;
mod decide;
mod flask;
mod kept;
mod monitoring_params;
mod moves;
mod regroup;
mod rename;
mod site_rules;
mod wish;

pub(super) use apply::set_marks;
pub(super) use decide::{Author, change};
pub(super) use flask::change as change_guilties;
pub use flask::{FlaskError, FlaskWish};
pub(super) use monitoring_params::set as set_monitoring_params;
pub(super) use moves::step as move_step;
pub(super) use regroup::{Regrouping, regroup, regroup_now};
pub(super) use rename::{Renamed, rename};
pub(super) use site_rules::set as set_site_rules;
pub use wish::{ChangeError, Wish};

use crate::storage::{Session, StorageError};

/// Keeps another monitoring-params.xml, which has been checked: for a session that is no collector's.
///
/// # Errors
/// If the database fails.
pub fn keep_monitoring_params(
    session: &mut dyn Session,
    text: &str,
    who: &str,
    now_secs: i64,
) -> Result<(), StorageError> {
    session.write(&mut |sql| set_monitoring_params(sql, text, Author { who, now_secs }))
}

#[cfg(test)]
mod tests;
