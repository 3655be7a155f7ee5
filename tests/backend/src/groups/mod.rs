//! Groups: records that report one failure, found by what the failure is.
//!
//! ```text
//! Record ──▶ reading ──▶ Variant ──▶ signature ──▶ Signature ──▶ changes ──▶ group
//!            payload      stored       rules         hash,         merge,
//!            kind, names  once         explain       name          split
//!                 └─────▶ versions ──▶ states: new, ongoing, probably fixed, fixed, regressed, hidden
//! ```
//!
//! Everything here is a function of values: no database, no clock, no file. What the caller owes:
//!
//! - **Records.** It reads each with [`reading::read`], and stores the variant once, by its hash, as JSON. It asks
//!   [`signature::decide`] only for variants that it does not know, and keeps hash and name of the signature, and the
//!   rules' version, beside the variant. Before a new signature becomes a group, [`bounds::admit`] is asked, and
//!   [`bounds::admitted`] says which variant is stored; [`bounds::condensed`] does where a signature has many.
//! - **Rules.** When [`rules::Rules::version`] is not the one it stored, it makes a [`changes::preview()`], whose plan,
//!   decisions and signatures are what it then does. A file that is refused leaves the rules that it had.
//! - **Changes by people.** It checks them with [`changes::History`], stores the decision, makes a [`changes::plan()`] of the
//!   groups concerned, in one transaction, and moves records in the background.
//! - **States.** For each record of a group with marks it asks [`states::Marks::regressed_by`], once a day for what was
//!   probably fixed [`states::Marks::regressed_on`], and for the others [`states::Silence`]. The state itself is never
//!   stored: [`states::state()`] follows from marks and time.
//! - **Counts.** It counts distinct ids a day, and never adds them up; [`counting`] makes sums, shares and rates of that.
//! - **Names.** It shows them as foreign text: they are bounded and have no control characters, and may be HTML.

pub mod bounds;
pub mod changes;
pub mod counting;
pub mod explain;
pub mod guilty;
pub mod hash;
pub mod kind;
pub mod leading_module;
pub mod limits;
pub mod names;
pub mod payload;
pub mod reading;
pub mod rules;
pub mod signature;
pub mod states;
pub mod versions;

mod text;

#[cfg(test)]
mod kernel_golden;
#[cfg(test)]
mod real_reports;
