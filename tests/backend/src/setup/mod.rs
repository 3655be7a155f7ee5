//! `telem-collector setup`: a collector on a fresh Debian or Ubuntu, from the database to the web server.
//!
//! ```text
//!  clients, browsers ──▶ nginx, 80 and 443 ──▶ telemetrics-collector.service ──▶ PostgreSQL
//!                        site `telemetrics`     drop-in `setup.conf`             role, database
//! ```
//!
//! The role has the name of the user that the unit runs as, and logs in by the server's socket: there is no password.
//! Views of plug-ins have a role of their own, with one, which may read what is published.
//! What is done is a list of steps, made from what was found; each may be done again. `--remove` undoes them, the
//! records among them.

pub mod nginx;
mod plan;
mod served;
mod steps;

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

use plan::Found;

/// Why a setup did not come to its end. Done again, it goes on.
#[derive(Debug)]
pub enum SetupError {
    /// Only root can do it.
    NotRoot,
    /// There is no unit to start.
    NoUnit,
    /// The system has no packages of Debian's.
    NoDebian,
    /// A step failed; holds which one, and its own words.
    Step(String),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRoot => f.write_str("only root can set a collector up; run it with sudo"),
            Self::NoUnit => write!(
                f,
                "there is no {}; install the package telemetrics-collector, or run `make install-collector`",
                plan::UNIT
            ),
            Self::NoDebian => f.write_str(
                "there is no dpkg; setup knows Debian and its children, elsewhere see --database and your web \
                 server's manual",
            ),
            Self::Step(reason) => write!(f, "{reason}; put that right and run it again"),
        }
    }
}

impl std::error::Error for SetupError {}

/// Sets a collector up, or removes all that a setup made. Returns what there is to say.
///
/// # Errors
/// At the first step that fails.
pub fn run(remove: bool) -> Result<String, SetupError> {
    let found = find()?;
    let plan = if remove { plan::remove(&found) } else { plan::install(&found) };
    steps::take(&plan.steps, Path::new("/"))?;
    Ok(plan.words)
}

/// Finds out what the steps depend on.
fn find() -> Result<Found, SetupError> {
    if answer("id", &["-u"]).as_deref() != Some("0") {
        return Err(SetupError::NotRoot);
    }
    let missing = |package: &&'static str| {
        let format = "-f=${db:Status-Status}";
        answer("dpkg-query", &["-W", format, package]).as_deref() != Some("installed")
    };
    answer("dpkg-query", &["--version"]).ok_or(SetupError::NoDebian)?;
    answer("systemctl", &["cat", plan::UNIT]).ok_or(SetupError::NoUnit)?;
    let host = answer("hostname", &["-f"]).or_else(|| answer("hostname", &[]));
    Ok(Found {
        missing_packages: plan::PACKAGES.into_iter().filter(missing).collect(),
        program: std::env::current_exe().map_err(|error| SetupError::Step(error.to_string()))?,
        host: host.unwrap_or_else(|| "localhost".to_owned()),
        views_password: views_password(Path::new("/")),
        has_certificate: [nginx::CERTIFICATE, nginx::KEY].iter().all(|path| Path::new(path).exists()),
    })
}

/// The password that the role for views has, so that a collector that runs can go on; a new one the first time.
fn views_password(root: &Path) -> String {
    let known = std::fs::read_to_string(root.join(plan::VIEWS_FILE)).ok();
    known.and_then(|url| plan::password_in(&url)).unwrap_or_else(|| {
        let bytes: [u8; 16] = rand::random();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    })
}

/// What a program prints, without the white space around it; `None` if it fails.
fn answer(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
