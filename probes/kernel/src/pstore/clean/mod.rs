//! pstoreclean: from the stores to the cache.

mod cli;
mod copy;

pub use cli::{Args, run};
