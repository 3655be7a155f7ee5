//! Every reason to refuse a record.

pub(crate) mod fair_share;
pub(crate) mod refusal;
pub(crate) mod sender_config;
pub(crate) mod spool_quota;
