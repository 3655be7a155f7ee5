//! telempost-identity makes telempostd's certificate, and looks at a server's. It ends when that is done, so that the daemon
//! has no TLS stack and no key generator in its memory.
//!
//! ```text
//! telempost-identity ensure DIRECTORY            makes cli_certificate.pem and its fingerprint file where they are missing
//! telempost-identity check DIRECTORY             prints FINGERPRINT END of the certificate that is there, and makes none
//! telempost-identity next DIRECTORY              prints the fingerprint of the certificate that is to follow, if there is one
//! telempost-identity renew DIRECTORY [--now]     makes that one, and has it used once all peers have had it for a day, or now
//! telempost-identity exchange DIRECTORY --trusted FILE PEER...
//!                                                asks trusted servers for the certificates that follow theirs, and gives ours
//! telempost-identity window DIRECTORY MINUTES    opens a window of first use there
//! telempost-identity check|renew ... --listens-as NAME
//!                                                the same of srv_certificate.pem, which the service of this name shows
//! telempost-identity look HOST:PORT              prints FINGERPRINT PIN VERSION: of the server's certificate, and of TLS
//! ```

mod connection;
mod exchange;
mod fingerprint_file;
mod key_kind;
mod make;
mod peer;
mod renew;
mod server_certificate;

use clap::{Parser, Subcommand};
use connection::Connection;
use key_kind::KeyKind;
use make::Holder;
use peer::Peer;
use server_certificate::Seen;
use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use telemetry_config::without_passwords;
use telemetry_files::open_directory_nofollow;
use telemetry_tls::Origin;
use telemetry_trust::{BootTime, Fingerprint, KeyPin, Learning, ServerAddress};

#[derive(Parser)]
#[command(
    name = "telempost-identity",
    version,
    about = "Makes telempostd's certificate, and looks at a server's"
)]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Makes the certificate in this directory, if there is none, and prints its fingerprint
    Ensure {
        /// The directory
        directory: PathBuf,
        /// The kind of key that one is made with
        #[arg(long, value_enum, default_value_t)]
        key: KeyKind,
    },
    /// Prints fingerprint and end of the certificate that is there, if it can be used; nothing is made
    Check {
        /// The directory
        directory: PathBuf,
        /// It is the certificate of the service of this name, which listens
        #[arg(long, value_name = "NAME")]
        listens_as: Option<String>,
    },
    /// Prints the fingerprint of the certificate that is to follow, if there is one
    Next {
        /// The directory
        directory: PathBuf,
    },
    /// Makes the certificate that is to follow, and prints its fingerprint
    Renew {
        /// The directory
        directory: PathBuf,
        /// Use it at once, instead of once all peers have had it for a day
        #[arg(long)]
        now: bool,
        /// It is for the service of this name, which listens
        #[arg(long, value_name = "NAME")]
        listens_as: Option<String>,
        /// The kind of key that one is made with
        #[arg(long, value_enum, default_value_t)]
        key: KeyKind,
    },
    /// Asks servers that are trusted by fingerprint for the certificates that follow theirs, and gives them ours
    Exchange {
        /// The directory
        directory: PathBuf,
        /// The file of trusted certificates that people write
        #[arg(long)]
        trusted: PathBuf,
        /// Servers, HOST:PORT/PATH
        #[arg(required = true)]
        peers: Vec<Peer>,
    },
    /// Opens a window in which the first certificate of each server is trusted
    Window {
        /// The directory
        directory: PathBuf,
        /// How long it stays open
        minutes: u32,
    },
    /// Prints fingerprint and pin of a server's certificate and its version of TLS; nothing is sent, and none of ours is shown
    Look {
        /// The server, HOST:PORT
        server: ServerAddress,
    },
}

fn main() -> ExitCode {
    let result = match Args::parse().task {
        Task::Ensure { directory, key } => ensure(&directory, key),
        Task::Check { directory, listens_as } => renew::check(&directory, &Holder::new(listens_as)),
        Task::Next { directory } => renew::next(&directory),
        Task::Renew { directory, now, listens_as, key } => {
            renew::renew(&directory, now, &Holder::new(listens_as), key)
        }
        Task::Exchange { directory, trusted, peers } => exchange::run(&directory, &trusted, &peers),
        Task::Window { directory, minutes } => open_window(&directory, minutes),
        Task::Look { server } => look(&server),
    };
    match result {
        Ok(line) => {
            if !line.is_empty() {
                println!("{line}");
            }
            ExitCode::SUCCESS
        }
        Err(text) => {
            // libcurl quotes a proxy's URL that it does not understand.
            eprintln!("telempost-identity: {}", without_passwords(&text));
            ExitCode::FAILURE
        }
    }
}

fn ensure(path: &Path, key: KeyKind) -> Result<String, String> {
    let about = |error: &dyn std::error::Error| format!("{}: {error}", path.display());
    let file = Holder::Connects.file();
    let directory = open(path).map_err(|error| about(&error))?;
    let (identity, origin) = make::ensure(&directory, file, &Holder::Connects, key)
        .map_err(|error| format!("{}: {error}", path.join(file).display()))?;
    let fingerprint = identity.fingerprint;
    fingerprint_file::update(&directory, &fingerprint).map_err(|error| about(&error))?;
    match origin {
        Origin::Found => {}
        Origin::Made => eprintln!("telempost-identity: {}: new certificate {fingerprint}", path.display()),
        Origin::Replaced { fault, aside } => eprintln!(
            "telempost-identity: {}/{}: {fault}; it is kept as {aside}, and the new certificate is {fingerprint}: servers that \
             knew the old one must be given it",
            path.display(),
            file,
        ),
    }
    Ok(fingerprint.to_string())
}

fn open_window(path: &Path, minutes: u32) -> Result<String, String> {
    let open = || -> io::Result<()> {
        let learning = Learning::in_directory(open(path)?);
        learning.open_window(&BootTime::now()?, Duration::from_secs(u64::from(minutes) * 60))
    };
    open().map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(format!("{minutes}"))
}

/// The directory, which is made if it is missing.
fn open(path: &Path) -> io::Result<File> {
    DirBuilder::new().recursive(true).mode(0o755).create(path)?;
    open_directory_nofollow(path)
}

fn look(server: &ServerAddress) -> Result<String, String> {
    let mut connection = Connection::new(server).map_err(|error| format!("{server}: {error}"))?;
    let Seen { certificate, speaks_tls13 } =
        server_certificate::look(server, &mut connection).map_err(|error| format!("{server}: {error}"))?;
    let pin = KeyPin::of_certificate(&certificate).map_err(|error| format!("{server}: {error}"))?;
    let version = if speaks_tls13 { "TLSv1.3" } else { "TLSv1.2" };
    Ok(format!("{} {pin} {version}", Fingerprint::of_der(&certificate)))
}
