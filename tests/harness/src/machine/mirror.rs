//! Where this system's packages come from: so will the machine's.

use crate::package::said;
use std::fs;
use std::process::Command;

/// A suite of Debian at a mirror.
#[derive(Debug)]
pub(super) struct Mirror {
    /// As in `bookworm`.
    pub(super) suite: String,
    /// As in `http://deb.debian.org/debian`.
    pub(super) url: String,
    /// The proxy that apt is configured to use, if any.
    pub(super) proxy: Option<String>,
}

impl Mirror {
    /// This system's, as apt is configured.
    ///
    /// # Panics
    /// There is none.
    pub(super) fn of_this_system() -> Self {
        let release = fs::read_to_string("/etc/os-release").unwrap();
        let suite = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
        let suite = suite.expect("/etc/os-release names no release of Debian").trim_matches('"').to_owned();
        // Of all sources the one that has this suite; lists need not have been fetched.
        let uris = said(Command::new("apt-get").args(["update", "--print-uris"]));
        let url = of_suite(&uris, &suite).unwrap_or_else(|| panic!("apt has no source of {suite}: {uris}"));
        let proxy = said(Command::new("apt-config").args(["shell", "PROXY", "Acquire::http::Proxy"]));
        let proxy = proxy.trim().strip_prefix("PROXY='").and_then(|rest| rest.strip_suffix('\''));
        Self { suite, url, proxy: proxy.map(str::to_owned) }
    }
}

/// The part before `/dists/SUITE/` of the address that ends so.
fn of_suite(uris: &str, suite: &str) -> Option<String> {
    let end = format!("/dists/{suite}/InRelease'");
    let addresses = uris.lines().filter_map(|line| line.split(' ').next());
    addresses
        .filter_map(|address| address.strip_suffix(&end))
        .find_map(|url| url.strip_prefix('\''))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_of_the_suite_itself_is_taken() {
        let uris = "'https://deb.example.com/node/dists/nodistro/InRelease' deb.example.com_InRelease 0 \n\
            'http://deb.example.org/debian-security/dists/bookworm-security/InRelease' x 0 \n\
            'http://deb.example.org/debian/dists/bookworm/InRelease' deb.example.org_InRelease 0 \n\
            'http://deb.example.org/debian/dists/bookworm/main/binary-amd64/Packages.xz' y 0 \n";
        assert_eq!(of_suite(uris, "bookworm").as_deref(), Some("http://deb.example.org/debian"));
        assert_eq!(of_suite(uris, "sid"), None);
    }
}
