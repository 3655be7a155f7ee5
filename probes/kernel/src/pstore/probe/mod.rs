//! pstoreprobe: from the cache to telemprobd.

mod cli;
mod load;
mod position;
mod print;
mod run;
mod selection;
mod settings;

pub use cli::{Args, run};
