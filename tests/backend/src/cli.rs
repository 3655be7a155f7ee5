//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

use crate::retention::{ClassRule, KeepTime, SeverityRule};

/// The telemetry id of Clear Linux OS, which clients send by default.
pub const DEFAULT_TID: &str = "6907c830-eed9-4ce9-81ae-76daf8d88f0f";

const MAX_TID_BYTES: usize = 128;

/// Collects telemetry records into a database and shows them.
///
/// Records are posted to /, /v2/collector or /v3/collector, and read at /telemetryui and /api/records. Once it
/// listens it prints one line to stdout: `telem-collector: listening on http://ADDR:PORT`. SIGTERM and
/// SIGINT stop it after the requests in flight.
#[derive(Clone, Debug, Parser)]
#[command(
    version,
    after_long_help = "Which time holds: a --keep for the classification itself wins, then the --keep with the longest \
                       beginning that matches, then --keep-severity, then --keep-days. Old records are removed at the \
                       start and once a day.\n\nThere is no login: listen on an address that only your own machines \
                       reach."
)]
pub struct Options {
    /// Address and port to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080", value_parser = address)]
    pub listen: SocketAddr,

    /// Database file, made if it is not there; `:memory:` keeps records only until the end
    #[arg(long, value_name = "FILE", default_value = "telemetry.db")]
    pub database: PathBuf,

    /// Telemetry id that clients must send as X-Telemetry-TID
    #[arg(long, value_name = "UUID", default_value = DEFAULT_TID, value_parser = tid)]
    pub tid: String,

    /// Days from its reception that a record is kept, or `forever`
    #[arg(long, value_name = "DAYS", default_value = "35")]
    pub keep_days: KeepTime,

    /// Another time for a classification, which may end in `*`; DAYS or `forever`; repeatable
    #[arg(long, value_name = "CLASS=DAYS")]
    pub keep: Vec<ClassRule>,

    /// Another time for a severity of 1 to 4; DAYS or `forever`; repeatable
    #[arg(long, value_name = "N=DAYS")]
    pub keep_severity: Vec<SeverityRule>,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "an address is like 127.0.0.1:8080 or [::1]:8080".to_owned())
}

/// Any short word will do, so that no deployment's own id is refused.
fn tid(text: &str) -> Result<String, String> {
    if (1..=MAX_TID_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "a telemetry id is 1 to {MAX_TID_BYTES} printable characters without blanks, such as uuidgen makes"
    ))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::retention::Retention;

    #[test]
    fn the_command_line_is_consistent_and_its_defaults_hold() {
        Options::command().debug_assert();
        let options = Options::parse_from(["telem-collector"]);
        assert_eq!(options.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(options.tid, DEFAULT_TID);
        assert_eq!(options.keep_days, KeepTime::Days(35));
    }

    #[test]
    fn rules_come_in_several_at_a_time() {
        let args =
            ["telem-collector", "--keep", "a/*=1", "--keep", "a/b/c=forever", "--keep-severity", "4=forever"];
        let options = Options::parse_from(args);
        let rules = Retention::new(options.keep_days, options.keep, options.keep_severity).unwrap();
        assert_eq!(rules.keep_time("a/b/c", 1), KeepTime::Forever);
        assert_eq!(rules.keep_time("a/b/d", 1), KeepTime::Days(1));
        assert_eq!(rules.keep_time("b/b/d", 4), KeepTime::Forever);
    }

    #[test]
    fn wrong_values_are_refused() {
        for args in [
            ["--listen", "8080"],
            ["--listen", "localhost:8080"],
            ["--listen", "127.0.0.1:65536"],
            ["--tid", ""],
            ["--tid", "a b"],
            ["--keep-days", "0"],
            ["--keep", "a/b=1"],
            ["--keep-severity", "5=1"],
        ] {
            assert!(Options::try_parse_from(["telem-collector"].iter().chain(&args)).is_err(), "{args:?}");
        }
    }
}
