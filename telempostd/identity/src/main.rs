//! telempost-identity makes telempostd's certificate, and looks at a server's. It ends when that is done, so that the daemon
//! has no TLS stack and no key generator in its memory.
//!
//! ```text
//! telempost-identity ensure DIRECTORY      makes cli_certificate.pem and its fingerprint file where they are missing
//! telempost-identity look HOST:PORT        prints FINGERPRINT PIN VERSION: of the server's certificate, and of TLS
//! ```

mod connection;
mod fingerprint_file;
mod make;
mod server_certificate;

use clap::{Parser, Subcommand};
use connection::Connection;
use make::Origin;
use server_certificate::Seen;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use telemetry_files::open_directory_nofollow;
use telemetry_trust::{Fingerprint, KeyPin, ServerAddress};

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
    },
    /// Prints fingerprint and pin of a server's certificate and its version of TLS; nothing is sent, and none of ours is shown
    Look {
        /// The server, HOST:PORT
        server: ServerAddress,
    },
}

fn main() -> ExitCode {
    let result = match Args::parse().task {
        Task::Ensure { directory } => ensure(&directory),
        Task::Look { server } => look(&server),
    };
    match result {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(text) => {
            eprintln!("telempost-identity: {text}");
            ExitCode::FAILURE
        }
    }
}

fn ensure(path: &Path) -> Result<String, String> {
    let about = |error: &dyn std::error::Error| format!("{}: {error}", path.display());
    DirBuilder::new().recursive(true).mode(0o755).create(path).map_err(|error| about(&error))?;
    let directory = open_directory_nofollow(path).map_err(|error| about(&error))?;
    let (identity, origin) = make::ensure(&directory).map_err(|error| about(&error))?;
    let fingerprint = identity.fingerprint();
    fingerprint_file::update(&directory, &fingerprint).map_err(|error| about(&error))?;
    match origin {
        Origin::Found => {}
        Origin::Made => eprintln!("telempost-identity: {}: new certificate {fingerprint}", path.display()),
        Origin::Replaced { fault, aside } => eprintln!(
            "telempost-identity: {}/{}: {fault}; it is kept as {aside}, and the new certificate is {fingerprint}: servers that \
             knew the old one must be given it",
            path.display(),
            make::FILE,
        ),
    }
    Ok(fingerprint.to_string())
}

fn look(server: &ServerAddress) -> Result<String, String> {
    let mut connection = Connection::new(server).map_err(|error| format!("{server}: {error}"))?;
    let Seen { certificate, speaks_tls13 } =
        server_certificate::look(server, &mut connection).map_err(|error| format!("{server}: {error}"))?;
    let pin = KeyPin::of_certificate(&certificate).map_err(|error| format!("{server}: {error}"))?;
    let version = if speaks_tls13 { "TLSv1.3" } else { "TLSv1.2" };
    Ok(format!("{} {pin} {version}", Fingerprint::of_der(&certificate)))
}
