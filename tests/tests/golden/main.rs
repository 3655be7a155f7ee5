//! Formats that outlive a release: what commit d48c008 left on disk and printed.
//!
//! `tests/golden/left` holds files that the programs of d48c008 wrote. Tests have the current programs read them and go
//! on from them, and compare what those write and print with `tests/golden/expected`. So a field, a variant or a file that
//! gets another name fails here, whatever the types are called. `RENEW_GOLDEN=1 cargo test -p system-tests --test golden`
//! writes `expected` anew; read the difference then: each line of it breaks somebody's machine or script. `left` is never
//! renewed.

mod expected;
mod inheritance;
mod normal;

mod counters;
mod delivery;
mod journal_probe;
mod kernel_probe;
mod limits;
mod losses;
mod payloads;
mod printed;
mod pstore;
mod socket;
