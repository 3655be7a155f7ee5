//! Where names of functions come from.

use std::path::PathBuf;

use clap::Args;

use crate::symbols::{ServerUrl, Sources};

/// Where debug files are. Without any of it frames stay as they were reported.
#[derive(Args, Clone, Debug, Default)]
pub struct Symbols {
    /// Directory with debug files by build-id, DIR/.build-id/xx/yyyy.debug, from which frames without a name get theirs; split
    /// DWARF is read from its package yyyy.dwp beside the file, or from single .dwo files: below DIR where they were compiled,
    /// or beside the file; repeatable
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

/// The files that addresses are named by.
#[derive(Args, Clone, Debug)]
pub struct NamedFiles {
    /// The debug file
    #[arg(long)]
    pub file: PathBuf,
    /// What it shares with others
    #[arg(long)]
    pub supplement: Option<PathBuf>,
    /// The package of its split DWARF
    #[arg(long)]
    pub package: Option<PathBuf>,
    /// A single file of its split DWARF; repeatable
    #[arg(long)]
    pub unit: Vec<PathBuf>,
}
