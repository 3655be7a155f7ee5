//! The probe at work: where it stands, what it reads, when it waits.

mod clock;
mod cycle;
mod damage;
mod error;
mod limits;
mod objects;
mod position;
mod reading;
mod sd_journal;
mod startup;

pub use error::ProbeError;
pub use startup::run;
