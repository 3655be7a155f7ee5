//! What telempostd and telempost-upload have in common: the [`protocol`] between them, and the [`limits`] that each relies on
//! the other to keep. Nothing here names libcurl, so that telempostd is not linked with it.

pub mod limits;
pub mod protocol;
