//! `telem-collector identity`: this collector's own certificates.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use telemetry_files::bounded_file;
use telemetry_trust::limits::IDENTITY_FILE_BYTES;

use crate::cli::{IdentityTask, TrustFiles};
use crate::owner::become_owner;
use crate::start_error::{StartError, print, system};
use crate::trust::{Fingerprint, Kind, TrustError, ensure, next, renew, switch};

const KINDS: [(Kind, &str); 2] = [(Kind::Server, "listens"), (Kind::Client, "connects")];

const NO_DIRECTORY: &str = "--identity DIR must name the directory of the collector's certificates: there is no database file beside which it could be";

/// Does what the command says.
pub(super) fn run(files: &TrustFiles, task: Option<IdentityTask>) -> Result<(), StartError> {
    let directory = files.identity_directory().map_err(StartError::Database)?;
    let directory = directory.ok_or_else(|| StartError::Trust(TrustError::Options(NO_DIRECTORY.into())))?;
    become_owner(&directory).map_err(system("the owner's rights"))?;
    let said = match task {
        None | Some(IdentityTask::Show) => show(&directory, files.certificate.as_deref()),
        Some(IdentityTask::Renew { now: false }) => announce(&directory),
        Some(IdentityTask::Renew { now: true }) => replace(&directory),
    };
    print(&said.map_err(StartError::Trust)?)
}

fn show(directory: &Path, certificate: Option<&Path>) -> Result<String, TrustError> {
    let mut said = String::new();
    for (kind, does) in KINDS {
        match certificate.filter(|_| kind == Kind::Server) {
            Some(file) => said += &format!("{does}: {} ({})\n", of_file(file)?, file.display()),
            None => {
                said += &format!("{does}: {}\n", ensure(directory, kind)?.fingerprint);
                if let Some(next) = next(directory, kind)? {
                    said += &format!("{does}, next: {}\n", next.fingerprint);
                }
            }
        }
    }
    Ok(said)
}

/// The fingerprint of a certificate that people manage, which is for everybody to read; its key may not be.
fn of_file(path: &Path) -> Result<Fingerprint, TrustError> {
    let fault = |fault: String| TrustError::File { path: path.to_owned(), fault };
    let read =
        bounded_file::open_regular(path).and_then(|file| bounded_file::read_all(&file, IDENTITY_FILE_BYTES));
    let pem = read.map_err(|error| fault(format!("cannot be read: {error}")))?;
    let leaf =
        CertificateDer::from_pem_slice(&pem).map_err(|_| fault("holds no certificate in PEM".into()))?;
    Ok(Fingerprint::of_der(&leaf))
}

/// The kinds of certificates that are in a directory.
fn present(directory: &Path) -> Result<Vec<(Kind, &'static str)>, TrustError> {
    let kinds: Vec<_> = KINDS
        .into_iter()
        .filter(|(kind, _)| directory.join(kind.file()).symlink_metadata().is_ok())
        .collect();
    if kinds.is_empty() {
        return Err(TrustError::Options(format!(
            "{}: no certificate of our own making is there; `telem-collector identity show` makes it",
            directory.display()
        )));
    }
    Ok(kinds)
}

fn announce(directory: &Path) -> Result<String, TrustError> {
    let mut said = String::new();
    for (kind, does) in present(directory)? {
        let (next, is_new) = renew(directory, kind)?;
        let what = if is_new { "is made" } else { "is there already" };
        said += &format!("{does}, next: {} {what}\n", next.fingerprint);
    }
    said += "It is announced to each peer that is trusted by fingerprint within a day; once all have had it for a day it is used. \
             `telem-collector doctor` says who is missing; `telem-collector identity renew --now` uses it at once.\n";
    Ok(said)
}

fn replace(directory: &Path) -> Result<String, TrustError> {
    let mut said = String::new();
    for (kind, does) in present(directory)? {
        renew(directory, kind)?;
        said += &format!("{does}: {}\n", switch(directory, kind)?.fingerprint);
    }
    said += "A collector that runs shows it within 2 seconds. Peers to which it was not announced refuse it until they trust it.\n";
    Ok(said)
}
