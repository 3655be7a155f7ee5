//! Where names of functions come from.

use std::path::PathBuf;

use clap::Args;

use crate::symbols::{ServerUrl, Sources};

/// Where debug files are. Without any of it frames stay as they were reported.
#[derive(Args, Clone, Debug, Default)]
pub struct Symbols {
    /// Directory with debug files by build-id, DIR/.build-id/xx/yyyy.debug, from which frames without a name get theirs;
    /// repeatable
    #[arg(long, value_name = "DIR")]
    debug_directory: Vec<PathBuf>,

    /// debuginfod server that is asked for debug files which no directory has: it learns which build-ids crash
    #[arg(long, value_name = "URL")]
    debuginfod: Option<ServerUrl>,
}

impl Symbols {
    /// All of them.
    #[must_use]
    pub fn sources(&self) -> Sources {
        Sources { directories: self.debug_directory.clone(), server: self.debuginfod.clone() }
    }
}
