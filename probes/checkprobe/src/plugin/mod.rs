//! What a Nagios plugin says: its exit code, a line for people, performance data.

mod output;
mod perfdata;

pub use output::{Output, parse};
pub use perfdata::Item;
