//! What the scenarios in `tests/tests` have besides the harness: torture, real crashes, and the bench.

pub mod bench;
pub mod crash;
pub mod torture;
