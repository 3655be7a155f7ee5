//! The command line.

use clap::Parser;
use std::path::PathBuf;
use telemetry_record::hex_id::HexId;

/// Reports units that failed, as the journal of this boot says, and remembers which it has reported.
#[derive(Debug, Parser)]
#[command(name = "journalprobe", version)]
pub struct Args {
    /// Configuration file [default: the system's]
    #[arg(short = 'f', long = "config_file", visible_alias = "config-file", value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Report new entries only
    #[arg(short = 't', long)]
    pub tail: bool,
    /// Report what the journal has and end, instead of going on until it is stopped
    #[arg(long, conflicts_with = "tail")]
    pub once: bool,
    /// Read the journal files in this directory instead of the system's
    #[arg(long, value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// Report the entries of this boot: 32 hexadecimal digits [default: the running one]
    #[arg(long, value_name = "ID", value_parser = boot_id)]
    pub boot: Option<HexId>,
}

/// A boot id in the form of the kernel, with hyphens, or in that of the journal.
pub fn boot_id(text: &str) -> Result<HexId, String> {
    let digits = text.trim().replace('-', "").to_ascii_lowercase();
    digits
        .parse()
        .map_err(|_| "a boot id has 32 hexadecimal digits; `journalctl --list-boots` shows them".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_boot_id_are_known() {
        let id = "60c014cd469340f1b334548cd932949b";
        assert_eq!(boot_id("60C014cd-4693-40f1-b334-548cd932949b\n").unwrap().to_string(), id);
        assert_eq!(boot_id(id).unwrap().to_string(), id);
        assert!(boot_id("-1").unwrap_err().contains("32 hexadecimal digits"));
    }
}
