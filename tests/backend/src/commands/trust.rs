//! `telem-collector trust`: the file of trusted certificates, and what peers announced.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use telemetry_files::{Attributes, Durability, bounded_file, open_directory, replace_path};
use telemetry_trust::limits::TRUST_FILE_BYTES;
use telemetry_trust::{Fingerprint, Grammar, LEARNED_FILE, Learning, TrustList, edit};

use crate::cli::{TrustFiles, TrustTask};
use crate::start_error::{StartError, print};
use crate::timestamp::format_utc;
use crate::trust::{LOCAL_IDENTITIES, TrustError, local_services, read_list};

/// Does what the command says.
pub(super) fn run(files: &TrustFiles, task: Option<&TrustTask>) -> Result<(), StartError> {
    let files = Files {
        trusted: files.trust.clone(),
        directory: files.identity_directory().map_err(StartError::Database)?,
    };
    let said = match task {
        None | Some(TrustTask::List) => files.list(),
        Some(TrustTask::Add { fingerprint, words }) => files.add(*fingerprint, &words.join(" ")),
        Some(TrustTask::Accept { fingerprint }) => files.accept(*fingerprint),
        Some(TrustTask::Remove { fingerprint }) => files.remove(*fingerprint),
    };
    print(&said.map_err(StartError::Trust)?)
}

struct Files {
    trusted: Option<PathBuf>,
    directory: Option<PathBuf>,
}

impl Files {
    /// Who is trusted, a line each, as it stands in a file.
    fn list(&self) -> Result<String, TrustError> {
        let (list, learned) = (self.written()?, self.learned()?);
        let mut lines = Vec::new();
        for line in list.certificates() {
            let comment: String =
                line.comment.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
            lines.push(format!("{}{} {comment}", line.fingerprint, line.words));
        }
        let all = list.clone().with_learned(&learned);
        for line in learned.certificates() {
            let Some(parent) = line.words.next_of else { continue };
            let since = line.words.since_secs.and_then(|secs| i64::try_from(secs).ok()).map(format_utc);
            let since = since.map(|since| format!(" since {since}")).unwrap_or_default();
            let effect =
                if all.find(&line.fingerprint).is_some() { "" } else { ", which is not trusted any more" };
            lines.push(format!("{} (announced by {parent}{effect}{since})", line.fingerprint));
        }
        let own = nix::unistd::geteuid().as_raw();
        let local = local_services(Path::new(LOCAL_IDENTITIES), own);
        lines.extend(local.iter().map(|one| format!("{one} role=deliver (a service of this machine)")));
        if lines.is_empty() {
            lines.push("No certificate is trusted.".to_owned());
        }
        let file = self.trusted.as_deref().unwrap_or(Path::new("")).display();
        lines.extend(list.warnings().iter().map(|warning| format!("warning: {file}: {warning}")));
        Ok(lines.iter().map(|line| format!("{}\n", line.trim_end())).collect())
    }

    fn add(&self, fingerprint: Fingerprint, rest: &str) -> Result<String, TrustError> {
        let path = self.trusted()?;
        if rest.chars().any(char::is_control) {
            return Err(TrustError::Options("words and comment are one line of text".to_owned()));
        }
        let text = text(path)?;
        let list = parse(path, &text)?;
        let Some(text) = edit::with_line(&text, &list, &fingerprint, rest) else {
            let line = list.find(&fingerprint).map(|known| known.line).unwrap_or_default();
            return Err(TrustError::Options(format!(
                "{fingerprint} is trusted already, by line {line} of {}; remove it first, or edit that line",
                path.display()
            )));
        };
        write(path, &text)?;
        Ok(format!("{fingerprint} is trusted; a collector that runs reads it within 2 seconds.\n"))
    }

    fn accept(&self, fingerprint: Fingerprint) -> Result<String, TrustError> {
        let path = self.trusted()?;
        let (before, learned) = (text(path)?, self.learned()?);
        let list = parse(path, &before)?;
        let comment = "accepted by telem-collector trust";
        let after = edit::with_accepted(&before, &list, &learned, &fingerprint, comment);
        write(path, &after.map_err(TrustError::Options)?)?;
        if let Some(learning) = self.learning()? {
            learning.accepted(&fingerprint).map_err(|error| self.fault(error))?;
        }
        Ok(format!("{fingerprint} has taken the place of the one that announced it in {}.\n", path.display()))
    }

    fn remove(&self, fingerprint: Fingerprint) -> Result<String, TrustError> {
        let mut is_listed = false;
        if let Some(path) = &self.trusted {
            let text = text(path)?;
            let list = parse(path, &text)?;
            is_listed = list.find(&fingerprint).is_some();
            if is_listed {
                write(path, &edit::without(&text, &list, &fingerprint))?;
            }
        }
        let was_learned = match self.learning()? {
            Some(learning) => learning.forget(&fingerprint).map_err(|error| self.fault(error))?,
            None => false,
        };
        if is_listed || was_learned {
            return Ok(format!("{fingerprint} is not trusted any more, nor is what its owner announced.\n"));
        }
        let hint = if self.trusted.is_none() { "; --trust FILE names the file" } else { "" };
        Err(TrustError::Options(format!("{fingerprint} is not trusted{hint}")))
    }

    fn trusted(&self) -> Result<&Path, TrustError> {
        self.trusted.as_deref().ok_or_else(|| {
            TrustError::Options(
                "--trust FILE must name the collector's file of trusted certificates".to_owned(),
            )
        })
    }

    fn written(&self) -> Result<TrustList, TrustError> {
        self.trusted
            .as_deref()
            .map_or(Ok(TrustList::default()), |path| read_list(path, Grammar::Administrators))
    }

    fn learned(&self) -> Result<TrustList, TrustError> {
        match &self.directory {
            Some(directory) => read_list(&directory.join(LEARNED_FILE), Grammar::Learned),
            None => Ok(TrustList::default()),
        }
    }

    fn learning(&self) -> Result<Option<Learning>, TrustError> {
        let Some(directory) = &self.directory else { return Ok(None) };
        match open_directory(directory) {
            Ok(directory) => Ok(Some(Learning::in_directory(directory))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.fault(error)),
        }
    }

    fn fault(&self, error: io::Error) -> TrustError {
        TrustError::Directory { path: self.directory.clone().unwrap_or_default(), error }
    }
}

/// The file's text; none of one that is not there.
fn text(path: &Path) -> Result<String, TrustError> {
    let fault = |what: &dyn std::fmt::Display| file_fault(path, what);
    let read =
        bounded_file::open_regular(path).and_then(|file| bounded_file::read_all(&file, TRUST_FILE_BYTES));
    match read {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| fault(&"is no text in UTF-8")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(fault(&format_args!("cannot be read: {error}"))),
    }
}

fn parse(path: &Path, text: &str) -> Result<TrustList, TrustError> {
    TrustList::parse(text.as_bytes(), Grammar::Administrators).map_err(|fault| file_fault(path, &fault))
}

/// Writes the file, unless the collector could not read it then.
fn write(path: &Path, text: &str) -> Result<(), TrustError> {
    parse(path, text)?;
    let write = || -> io::Result<()> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
        }
        replace_path(path, text.as_bytes(), Attributes::of_directory(0o644), Durability::Synced).map(drop)
    };
    write().map_err(|error| file_fault(path, &format_args!("cannot be written: {error}")))
}

fn file_fault(path: &Path, fault: &dyn std::fmt::Display) -> TrustError {
    TrustError::File { path: path.to_owned(), fault: fault.to_string() }
}
