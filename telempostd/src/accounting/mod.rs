//! What happened to records, as people and programs can read it.

pub(crate) mod losses;
pub(crate) mod status;
