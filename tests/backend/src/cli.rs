//! The command line.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use axum::http::HeaderName;
use clap::{Args, Parser, Subcommand};

use crate::access::AccessOptions;
use crate::served::Served;
use crate::storage::postgres::Url;
use crate::storage::{Address, OpenError};
use crate::sync::SyncOptions;
use crate::trust::{TrustOptions, address};

mod keep;
mod samples;
mod symbols;
mod sync;
mod trust_files;
mod views;

pub use keep::{Forgetting, Keep};
pub use samples::SampleOptions;
pub use symbols::{NamedFiles, Symbols};
pub use sync::SyncCommand;
pub use trust_files::{DoctorOptions, IdentityTask, TrustFiles, TrustTask};
pub use views::Views;

/// The telemetry id of Clear Linux OS, which clients send by default.
pub const DEFAULT_TID: &str = "6907c830-eed9-4ce9-81ae-76daf8d88f0f";

/// Where this collector listens if nothing else is said.
const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

const MAX_TID_BYTES: usize = 128;
const MAX_HOST_BYTES: usize = 253;

/// Collects telemetry records into a database and shows them.
///
/// Records are posted to /, /v2/collector or /v3/collector, and read at /telemetryui and /api/records. Once it
/// listens it prints one line to stdout: `telem-collector: listening on http://ADDR:PORT`. SIGTERM and
/// SIGINT stop it after the requests in flight.
#[derive(Clone, Debug, Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    after_long_help = "Old records are removed at the start and daily at 04:30. Each --keep, --keep-severity and \
                       --keep-machine removes what it names after its own time, so that the shortest wins; 0 or \
                       `forever` only takes what it names out of --keep-days.\n\nWithout --users and --user-header \
                       whoever reaches the address may read: listen on one that only your own machines reach."
)]
pub struct Options {
    /// What to do instead of collecting
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Where the records are
    #[command(flatten)]
    pub database: Database,

    /// Address and port to listen on; port 0 picks a free one; repeatable. 127.0.0.1:8080 if neither this nor
    /// --tls-listen is given
    #[arg(long, value_name = "ADDR:PORT", value_parser = address)]
    pub listen: Vec<SocketAddr>,

    /// File in which each of these options may stand as a key, see telem-collector(1)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// TLS, and who is trusted
    #[command(flatten)]
    pub trust: TrustOptions,

    /// Buffers
    #[command(flatten)]
    pub sync: SyncOptions,

    /// Name under which browsers may read pages, beside addresses and localhost; repeatable
    #[arg(long, value_name = "NAME", value_parser = host)]
    pub host: Vec<String>,

    /// Telemetry id that clients must send as X-Telemetry-TID
    #[arg(long, value_name = "UUID", default_value = DEFAULT_TID, value_parser = tid)]
    pub tid: String,

    /// What this collector serves
    #[arg(long, value_enum, default_value_t = Served::All)]
    pub serve: Served,

    /// Whether machines may ask to be forgotten
    #[arg(long, value_enum, default_value_t)]
    pub forget: Forgetting,

    /// How long records are kept
    #[command(flatten)]
    pub keep: Keep,

    /// Samples of machines
    #[command(flatten)]
    pub samples: SampleOptions,

    /// Rules for frames that mean nothing in a group's name, asked before the built-in ones; read again when the file
    /// changes
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,

    /// Who may read pages, and who may change what they show
    #[command(flatten)]
    pub access: Access,

    /// Directory of parsers of payloads and of views, see telem-collector(1)
    #[arg(long, value_name = "DIR", overrides_with = "plugins")]
    pub plugins: Option<PathBuf>,

    /// The database for views of --plugins
    #[command(flatten)]
    pub views: Views,

    /// Where names come from for frames that a report has only addresses of
    #[command(flatten)]
    pub symbols: Symbols,
}

/// Who may read pages, and who may change what they show. Without any of it reading is open, and changes are taken from
/// this machine.
#[derive(Args, Clone, Debug, Default)]
pub struct Access {
    /// Password file, as `htpasswd -B` writes it: then pages and /api/records need a login
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,

    /// Header in which a proxy names the user; believed from the addresses of --proxy alone
    #[arg(long, value_name = "NAME", requires = "proxy")]
    user_header: Option<HeaderName>,

    /// Address of a proxy of yours; repeatable
    #[arg(long, value_name = "ADDRESS")]
    proxy: Vec<IpAddr>,

    /// Users who may change what pages show; all if it is left out
    #[arg(long, value_name = "USER,...", value_delimiter = ',')]
    may_change: Vec<String>,
}

impl Access {
    /// For the pages.
    #[must_use]
    pub fn options(&self) -> AccessOptions {
        AccessOptions {
            users: self.users.clone(),
            user_header: self.user_header.clone(),
            proxies: self.proxy.iter().map(IpAddr::to_canonical).collect(),
            may_change: self.may_change.clone(),
        }
    }
}

/// Which database.
#[derive(Args, Clone, Debug)]
pub struct Database {
    /// Database file, made if it is not there, or a database on a PostgreSQL server, set up if it is empty;
    /// `:memory:` keeps records only until the end
    #[arg(
        long,
        value_name = "FILE | postgres://USER:PASSWORD@HOST,HOST/NAME",
        default_value = "telemetry.db",
        overrides_with_all = ["database", "database_file"]
    )]
    database: Address,

    /// File that holds what --database takes, so that no password is on a command line
    #[arg(long, value_name = "FILE", overrides_with_all = ["database", "database_file"])]
    database_file: Option<PathBuf>,
}

impl Database {
    /// The address that is given, or that is in the file that is given.
    ///
    /// # Errors
    /// If that file cannot be used.
    pub fn address(&self) -> Result<Address, OpenError> {
        match &self.database_file {
            Some(path) => Address::read(path),
            None => Ok(self.database.clone()),
        }
    }
}

/// What the program does instead of collecting.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Bring a database to the schema of this version, as a start does, and end
    Migrate {
        /// Where the records are
        #[command(flatten)]
        database: Database,

        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
    },

    /// Set a collector up on a fresh Debian or Ubuntu: PostgreSQL, this program's unit, nginx; all is started
    Setup {
        /// Remove what a setup made, the database with all records too
        #[arg(long)]
        remove: bool,
    },

    /// Show how buffering and fetching stand, or let another collector fetch; a collector may run meanwhile
    Sync {
        /// What is asked
        #[command(subcommand)]
        command: SyncCommand,
    },

    /// Become a program with the bounds of a parser
    #[command(hide = true)]
    Confine {
        /// The program
        program: PathBuf,
    },

    /// Answer which functions are at addresses in a debug file, with the bounds of a foreign file
    #[command(hide = true)]
    NameAddresses(NamedFiles),

    /// Store what a fleet that is made up sends in five weeks up to now: to try pages on, never beside real records
    Fleet {
        /// Where the records go
        #[command(flatten)]
        database: Database,
        /// Machines
        #[arg(long, value_name = "N", default_value_t = 300)]
        machines: u32,
    },

    /// Write everything that is in a database to stdout, a line of JSON each; a collector may run meanwhile
    Export {
        /// Where the records are
        #[command(flatten)]
        database: Database,
    },

    /// The certificates that are trusted: list them, add, accept what was announced, remove
    Trust {
        /// Where the files are
        #[command(flatten)]
        files: TrustFiles,

        /// What to do; left out: list
        #[command(subcommand)]
        task: Option<TrustTask>,
    },

    /// This collector's own certificates: their fingerprints, and the next ones
    Identity {
        /// Where the files are
        #[command(flatten)]
        files: TrustFiles,

        /// What to do; left out: show
        #[command(subcommand)]
        task: Option<IdentityTask>,
    },

    /// Check a monitoring-params.xml and keep it: a collector hands it to the machines that it asks and that allow it; it may
    /// run meanwhile
    MonitoringParams {
        /// The file
        file: PathBuf,

        /// Where the records are
        #[command(flatten)]
        database: Database,
    },

    /// Look for what is wrong with a set-up, and say what helps; takes the collector's options, and changes nothing
    Doctor {
        /// As the collector's
        #[command(flatten)]
        options: Box<DoctorOptions>,
        /// As JSON: {"findings": [{"level", "about", "text", "remedy"}], "errors", "warnings"}
        #[arg(long)]
        json: bool,
    },

    /// Store what an export has, or what a Flask backend has; what an earlier import brought stays as it is
    Import {
        /// The export; stdin if it is left out
        file: Option<PathBuf>,

        /// Database of a Flask backend, which is only read, instead of an export
        #[arg(long, value_name = "postgres://USER:PASSWORD@HOST/NAME", conflicts_with = "file")]
        flask: Option<Url>,

        /// Where the records go
        #[command(flatten)]
        database: Database,

        /// How long the collector is going to keep them
        #[command(flatten)]
        keep: Keep,
    },
}

impl Options {
    /// Where to listen, and whether TLS is spoken there.
    #[must_use]
    pub fn addresses(&self) -> Vec<(SocketAddr, bool)> {
        let plain = self.listen.iter().map(|address| (*address, self.trust.tls));
        let mut all: Vec<_> =
            plain.chain(self.trust.tls_listen.iter().map(|address| (*address, true))).collect();
        if all.is_empty() {
            all.push((DEFAULT_ADDRESS, self.trust.tls));
        }
        all
    }
}

fn host(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=MAX_HOST_BYTES).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(text.to_owned());
    }
    Err("a host name is like telemetry.example.org, without a port".to_owned())
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
    use crate::retention::Subject;

    #[test]
    fn the_command_line_is_consistent_and_its_defaults_hold() {
        Options::command().debug_assert();
        let options = Options::parse_from(["telem-collector"]);
        assert_eq!(options.addresses(), [("127.0.0.1:8080".parse().unwrap(), false)]);
        assert_eq!(options.tid, DEFAULT_TID);
        assert_eq!(options.serve, Served::All);
        let rules = options.keep.rules();
        assert_eq!(rules.horizon_secs(35 * 86_400), Some(0));
    }

    #[test]
    fn rules_of_all_kinds_are_gathered() {
        let args = [
            "telem-collector",
            "--keep",
            "a/*=1",
            "--keep",
            "b/*=0",
            "--keep-severity",
            "4=2",
            "--keep-machine",
            "m=3",
        ];
        let options = Options::parse_from(args);
        let rules = options.keep.rules();
        for (class, severity, machine, days) in [
            ("a/b/c", 1, "x", Some(1)),
            ("b/b/c", 1, "x", None),
            ("b/b/c", 4, "x", Some(2)),
            ("b/b/c", 1, "m", Some(3)),
        ] {
            let after = |days: i64| {
                let subject =
                    Subject { classification: class, severity, machine_id: machine, received_secs: 0 };
                rules.is_due(subject, days * 86_400 + 1)
            };
            assert_eq!((1..=40).find(|days| after(*days)), days, "{class} {severity} {machine}");
        }
    }

    #[test]
    fn a_command_has_its_own_options() {
        let options = Options::parse_from(["telem-collector", "migrate", "--database", "x.db", "--dry-run"]);
        let Some(Command::Migrate { database, dry_run: true }) = options.command else {
            panic!("{options:?}")
        };
        assert_eq!(database.address(), Ok(Address::File("x.db".into())));
    }

    #[test]
    fn of_several_databases_the_last_one_is_meant() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("address");
        std::fs::write(&file, "in-file.db").unwrap();
        let file = file.to_str().unwrap();
        for (args, expected) in [
            (&["--database", "a.db", "--database", "b.db"][..], "b.db"),
            (&["--database", "a.db", "--database-file", file], "in-file.db"),
            (&["--database-file", file, "--database", "a.db"], "a.db"),
        ] {
            let options = Options::parse_from(["telem-collector"].iter().chain(args));
            assert_eq!(options.database.address(), Ok(Address::File(expected.into())), "{args:?}");
        }
    }

    #[test]
    fn wrong_values_are_refused() {
        for args in [
            ["--listen", "8080"],
            ["--listen", "localhost:8080"],
            ["--listen", "127.0.0.1:65536"],
            ["--host", "a:80"],
            ["--host", ""],
            ["--tid", ""],
            ["--tid", "a b"],
            ["--keep-days", "x"],
            ["--keep", "a/b=1"],
            ["--keep-severity", "5=1"],
            ["--keep-machine", "m"],
            ["--database", "postgres://a/n?sslmode=allow"],
            ["--serve", "nothing"],
            ["--debuginfod", "ftp://a"],
            ["--dry-run", "migrate"],
        ] {
            assert!(Options::try_parse_from(["telem-collector"].iter().chain(&args)).is_err(), "{args:?}");
        }
    }
}
