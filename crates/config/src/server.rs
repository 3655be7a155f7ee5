//! The group of keys that say where records go.

use crate::allowed::{Choice, OptionalPath};
use crate::header_line::{HeaderLine, HeaderScope};
use crate::key::Key;
use crate::server_list::HttpUrls;
use crate::server_url::ServerUrl;
use crate::{ConfigError, Configuration};
use std::collections::HashSet;
use std::path::PathBuf;

/// `server`.
pub static SERVER: Key<Vec<ServerUrl>> = Key {
    name: "server",
    default: env!("TELEMETRICS_SERVER"),
    allowed: &HttpUrls,
    doc: "URL that records are posted to, http:// or https://; of several, parted by blanks, the first that works. While it \
          is empty, telempostd does not start and records wait in the spool.",
};

/// `server_copy`.
pub static SERVER_COPY: Key<Vec<ServerUrl>> = Key {
    name: "server_copy",
    default: "",
    allowed: &HttpUrls,
    doc: "URLs, parted by blanks, that get each record besides. One that is away costs those of server nothing.",
};

/// `server_api`; none is `auto`.
pub static SERVER_API: Key<Option<ServerApi>> = Key {
    name: "server_api",
    default: "auto",
    allowed: &Choice(&[("auto", None), ("v2", Some(ServerApi::V2)), ("v3", Some(ServerApi::V3))]),
    doc: "Form of the server's interface: v2 (headers as HTTP headers), v3 (JSON), or auto, which is v3 when the URL's \
          path ends in /v3/collector and v2 otherwise.",
};

/// `server_compression`.
pub static SERVER_COMPRESSION: Key<Compression> = Key {
    name: "server_compression",
    default: "off",
    allowed: &Choice(&[("off", Compression::Off), ("gzip", Compression::Gzip), ("zstd", Compression::Zstd)]),
    doc: "Compression of what is posted: off, gzip or zstd. Only for a server that is known to take it: older collectors \
          cannot, and store the compressed bytes.",
};

/// `cainfo`; none is the system's certificates.
pub static CAINFO: Key<Option<PathBuf>> = Key {
    name: "cainfo",
    default: "",
    allowed: &OptionalPath { nothing: "the system's certificates" },
    doc: "File of CA certificates that the server's certificate is checked with; empty for the system's.",
};

/// `tidheader`: a header line, `NAME: VALUE`.
pub static TIDHEADER: Key<String> = Key {
    name: "tidheader",
    default: "X-Telemetry-TID:\\s6907c830-eed9-4ce9-81ae-76daf8d88f0f",
    allowed: &HeaderLine(HeaderScope::System),
    doc: "HTTP header that names the telemetry set.",
};

/// `tidheader` of a record's own configuration (`CFG:`).
static TIDHEADER_OF_A_RECORD: Key<String> = Key { allowed: &HeaderLine(HeaderScope::Record), ..TIDHEADER };

/// The keys of a record's own configuration (`CFG:`) that count.
pub(crate) const KEYS_OF_A_RECORD: [&str; 3] = ["server", "cainfo", "tidheader"];

/// Which form of the collector's interface records are posted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServerApi {
    /// Record headers as HTTP headers, the payload as the body.
    V2,
    /// A JSON object.
    V3,
}

impl ServerApi {
    /// The form that a URL's path implies: v3 when it ends in `/v3/collector`, else v2.
    fn from_url(url: &ServerUrl) -> Self {
        let url = url.with_password();
        let path_end = url.find(['?', '#']).unwrap_or(url.len());
        match url.get(..path_end) {
            Some(path) if path.ends_with("/v3/collector") => ServerApi::V3,
            _ => ServerApi::V2,
        }
    }
}

/// How the bodies of requests are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all: what every collector takes.
    Off,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// Where a record is posted to, and how the sender is named there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerSettings {
    /// URL; empty where none was set.
    pub url: ServerUrl,
    /// Form of the interface.
    pub api: ServerApi,
    /// File of CA certificates for the server's certificate; none means the system's.
    pub cainfo: Option<PathBuf>,
    /// Header line that names the telemetry set, `NAME: VALUE`.
    pub tid_header: String,
    /// How bodies are compressed; off for a server that a record's own configuration names.
    pub compression: Compression,
}

impl ServerSettings {
    /// The server of the whole system; of several the first.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub fn read(configuration: &Configuration) -> Result<Self, ConfigError> {
        let server = Self::read_keys(configuration, &TIDHEADER)?;
        let api = configuration.get(&SERVER_API)?.unwrap_or(server.api);
        Ok(Self { api, compression: configuration.get(&SERVER_COMPRESSION)?, ..server })
    }

    /// The servers of the whole system, in their order; one whose URL is empty where none is set.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub fn read_list(configuration: &Configuration) -> Result<Vec<Self>, ConfigError> {
        let first = Self::read(configuration)?;
        let list = first.with_urls(configuration.get(&SERVER)?, configuration)?;
        Ok(if list.is_empty() { vec![first] } else { list })
    }

    /// The servers that get each record besides. One that is in the list as well is none.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub fn read_copies(configuration: &Configuration) -> Result<Vec<Self>, ConfigError> {
        let mut copies = configuration.get(&SERVER_COPY)?;
        let list = configuration.get(&SERVER)?;
        // What waits for a copy, and what is counted of it, goes by its URL as it may be shown.
        let mut shown = HashSet::new();
        copies.retain(|url| !list.contains(url) && shown.insert(url.to_string()));
        Self::read(configuration)?.with_urls(copies, configuration)
    }

    /// Such servers at these URLs: the form of the interface is judged for each.
    fn with_urls(
        &self,
        urls: Vec<ServerUrl>,
        configuration: &Configuration,
    ) -> Result<Vec<Self>, ConfigError> {
        let api = configuration.get(&SERVER_API)?;
        let server = |url: ServerUrl| Self {
            api: api.unwrap_or_else(|| ServerApi::from_url(&url)),
            url,
            ..self.clone()
        };
        Ok(urls.into_iter().map(server).collect())
    }

    /// What a record's own configuration decides.
    pub(crate) fn read_for_record(configuration: &Configuration) -> Result<Self, ConfigError> {
        Self::read_keys(configuration, &TIDHEADER_OF_A_RECORD)
    }

    fn read_keys(configuration: &Configuration, tid_header: &Key<String>) -> Result<Self, ConfigError> {
        let url = configuration.get(&SERVER)?.into_iter().next().unwrap_or_default();
        Ok(Self {
            api: ServerApi::from_url(&url),
            url,
            cainfo: configuration.get(&CAINFO)?,
            tid_header: configuration.get(tid_header)?,
            compression: Compression::Off,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn server(lines: &str) -> Result<ServerSettings, String> {
        let text = format!("[settings]\n{lines}\n");
        Configuration::parse(Path::new("/f.conf"), &text)
            .and_then(|configuration| ServerSettings::read(&configuration))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_api_follows_the_path_unless_it_is_named() {
        for (lines, api) in [
            ("server=http://h/v3/collector", ServerApi::V3),
            ("server=http://h/x/v3/collector?a=b", ServerApi::V3),
            ("server=http://h/v2/collector", ServerApi::V2),
            ("server=http://h/?/v3/collector", ServerApi::V2),
            ("server=http://h/v3/collector\nserver_api=v2", ServerApi::V2),
            ("server=http://h/\nserver_api=v3", ServerApi::V3),
        ] {
            assert_eq!(server(lines).unwrap().api, api, "{lines}");
        }
    }

    #[test]
    fn of_a_list_each_url_has_its_own_api_and_a_copy_is_in_no_list() {
        let text = "[settings]\nserver=http://a/v3/collector http://b/\nserver_copy=http://b/,http://c/v3/collector\n";
        let configuration = Configuration::parse(Path::new("/f.conf"), text).unwrap();
        let shown = |servers: Vec<ServerSettings>| {
            servers.iter().map(|server| (server.url.to_string(), server.api)).collect::<Vec<_>>()
        };
        let list = shown(ServerSettings::read_list(&configuration).unwrap());
        assert_eq!(
            list,
            [("http://a/v3/collector".to_owned(), ServerApi::V3), ("http://b/".to_owned(), ServerApi::V2)]
        );
        let copies = shown(ServerSettings::read_copies(&configuration).unwrap());
        assert_eq!(copies, [("http://c/v3/collector".to_owned(), ServerApi::V3)]);
        assert_eq!(server("server=http://a/ http://b/").unwrap().url.to_string(), "http://a/");
    }

    #[test]
    fn compression_is_what_the_key_says() {
        for (lines, compression) in [
            ("", Compression::Off),
            ("server_compression=off", Compression::Off),
            ("server_compression=gzip", Compression::Gzip),
            ("server_compression=zstd", Compression::Zstd),
        ] {
            assert_eq!(server(lines).unwrap().compression, compression, "{lines}");
        }
    }

    #[test]
    fn wrong_values_are_refused() {
        for wrong in [
            "server=ftp://h/",
            "server_api=v4",
            "server_compression=GZIP",
            "server_compression=",
            "cainfo=ca.pem",
            "tidheader=nothing",
            "tidheader=X Y: 1",
            "tidheader=X:",
            "tidheader=Content-Length:\\s0",
            "tidheader=Machine_Id:\\s0",
        ] {
            let error = server(wrong).unwrap_err();
            assert!(error.starts_with("/f.conf:2: "), "{wrong}: {error}");
        }
        let default = server("").unwrap();
        assert_eq!(default.tid_header, "X-Telemetry-TID: 6907c830-eed9-4ce9-81ae-76daf8d88f0f");
    }
}
