//! What the scenarios in `tests/tests` have besides the harness: torture, real crashes, machines that are asked, snmpd,
//! Python and the bench.

pub mod asked;
pub mod bench;
pub mod crash;
pub mod python;
pub mod snmpd;
pub mod torture;
