//! What a check measures, by `kind=` and the keys of that kind.

use super::{Keys, Wrong};
use std::path::PathBuf;

/// What of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileMeasure {
    /// Seconds since it was changed.
    Age,
    /// Its bytes.
    Size,
    /// 1 if it is there, else 0.
    Exists,
}

/// What of a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskMeasure {
    /// Space.
    Space,
    /// Inodes.
    Inodes,
}

/// What of delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryMeasure {
    /// The age of the oldest record that waits.
    Oldest,
    /// Time since the last delivery.
    Last,
}

/// Whose certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateOf {
    /// The first to end of a file.
    File(PathBuf),
    /// The one that a server shows, `HOST:PORT`.
    Server(String),
}

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 1 for a unit of systemd that is active.
    Unit(String),
    /// How many processes have this name.
    Process(String),
    /// Seconds to connect.
    Tcp(String),
    /// Seconds to an answer.
    Http {
        /// `http://` or `https://`.
        url: String,
        /// The status that it has to have; none: 200 to 399.
        status: Option<u16>,
        /// What has to be in the body.
        text: Option<String>,
    },
    /// Of a file.
    File(PathBuf, FileMeasure),
    /// Per cent free of a file system.
    Disk(PathBuf, DiskMeasure),
    /// Per cent of memory that is available.
    Memory,
    /// Per cent of swap that is free.
    Swap,
    /// Load over 5 minutes a processor.
    Load,
    /// Days until a certificate ends.
    Certificate(CertificateOf),
    /// Of the delivery of records, in seconds.
    Delivery(DeliveryMeasure),
    /// The exit code of a program.
    Plugin(Vec<String>),
}

impl Kind {
    /// Its word.
    pub fn word(&self) -> &'static str {
        match self {
            Kind::Unit(_) => "unit",
            Kind::Process(_) => "process",
            Kind::Tcp(_) => "tcp",
            Kind::Http { .. } => "http",
            Kind::File(..) => "file",
            Kind::Disk(..) => "disk",
            Kind::Memory => "memory",
            Kind::Swap => "swap",
            Kind::Load => "load",
            Kind::Certificate(_) => "certificate",
            Kind::Delivery(_) => "delivery",
            Kind::Plugin(_) => "plugin",
        }
    }

    pub(super) fn take(keys: &mut Keys) -> Result<Self, Wrong> {
        let (word, line) = keys.needed("kind")?;
        Ok(match word.as_str() {
            "unit" => Kind::Unit(keys.needed("unit")?.0),
            "process" => Kind::Process(keys.needed("name")?.0),
            "tcp" => Kind::Tcp(address(keys)?),
            "http" => http(keys)?,
            "file" => {
                let path = path(keys)?;
                let words =
                    [("age", FileMeasure::Age), ("size", FileMeasure::Size), ("exists", FileMeasure::Exists)];
                Kind::File(path, keys.choice("measure", &words)?.unwrap_or(FileMeasure::Age))
            }
            "disk" => {
                let path = path(keys)?;
                let words = [("space", DiskMeasure::Space), ("inodes", DiskMeasure::Inodes)];
                Kind::Disk(path, keys.choice("measure", &words)?.unwrap_or(DiskMeasure::Space))
            }
            "memory" => Kind::Memory,
            "swap" => Kind::Swap,
            "load" => Kind::Load,
            "certificate" => Kind::Certificate(match keys.text("address") {
                Some(address) => CertificateOf::Server(checked_address(address, line)?),
                None => CertificateOf::File(path(keys)?),
            }),
            "delivery" => {
                let words = [("oldest", DeliveryMeasure::Oldest), ("last", DeliveryMeasure::Last)];
                Kind::Delivery(keys.choice("measure", &words)?.unwrap_or(DeliveryMeasure::Last))
            }
            "plugin" => {
                let (command, line) = keys.needed("command")?;
                Kind::Plugin(
                    arguments(&command).map_err(|text| (line, format!("command={command}: {text}")))?,
                )
            }
            _ => return Err((line, format!("kind={word} is unknown"))),
        })
    }
}

fn http(keys: &mut Keys) -> Result<Kind, Wrong> {
    let (url, line) = keys.needed("url")?;
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let is_url = rest.is_some_and(|rest| !rest.starts_with('/') && !rest.is_empty() && !rest.contains('@'));
    if !is_url || url.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return Err((line, format!("url={url}: must be http://HOST or https://HOST, without a user")));
    }
    let status = keys.number("status", 100..=599)?.and_then(|status| u16::try_from(status).ok());
    Ok(Kind::Http { url, status, text: keys.text("text").filter(|text| !text.is_empty()) })
}

fn address(keys: &mut Keys) -> Result<String, Wrong> {
    let (address, line) = keys.needed("address")?;
    checked_address(address, line)
}

fn checked_address(address: String, line: usize) -> Result<String, Wrong> {
    let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    let is_address = port.is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0));
    if is_address { Ok(address) } else { Err((line, format!("address={address}: must be HOST:PORT"))) }
}

fn path(keys: &mut Keys) -> Result<PathBuf, Wrong> {
    let (path, line) = keys.needed("path")?;
    if path.starts_with('/') {
        Ok(path.into())
    } else {
        Err((line, format!("path={path}: must be absolute")))
    }
}

/// Words parted by blanks; quotes hold one with blanks together. There is no shell, and nothing else has a meaning.
fn arguments(command: &str) -> Result<Vec<String>, &'static str> {
    let (mut arguments, mut word, mut is_quoted) = (Vec::new(), None::<String>, false);
    for c in command.chars() {
        match c {
            '"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !is_quoted => arguments.extend(word.take()),
            '\0' => return Err("has a NUL in it"),
            c => word.get_or_insert_default().push(c),
        }
    }
    arguments.extend(word);
    match arguments.first() {
        _ if is_quoted => Err("has a \" without its other"),
        Some(program) if program.starts_with('/') => Ok(arguments),
        _ => Err("must begin with an absolute path"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_words_and_no_shell() {
        let words = |text: &str| arguments(text).map(|words| words.join("|"));
        assert_eq!(words("/a -w 50  \"b c\" d\"e f\" \"\" $x;y"), Ok("/a|-w|50|b c|de f||$x;y".to_owned()));
        assert_eq!(words("/a \"b"), Err("has a \" without its other"));
        assert_eq!(words("a b"), Err("must begin with an absolute path"));
        assert_eq!(words(""), Err("must begin with an absolute path"));
    }
}
