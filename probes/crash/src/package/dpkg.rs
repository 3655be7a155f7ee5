//! What dpkg's files say of whose a file is, as functions of their contents.
//!
//! ```text
//! info/PACKAGE[:ARCH].list   a path a line, as the package has it: /lib/... where /lib is a link to /usr/lib
//! diversions                 lines from, to, by: the file that others have as `from` lies at `to`; `by` has its own there
//! status                     paragraphs with Package, Status, Architecture, Version
//! ```

use super::Package;

/// Directories that are links into `/usr` since `/usr` was merged.
const MERGED: [&str; 3] = ["/bin/", "/sbin/", "/lib"];

/// A package as its list is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    name: String,
    architecture: Option<String>,
}

impl Owner {
    /// The package of a list of this name; none if that is none.
    pub fn of_list(file_name: &str) -> Option<Self> {
        let name = file_name.strip_suffix(".list")?;
        let (name, architecture) =
            name.split_once(':').map_or((name, None), |(name, arch)| (name, Some(arch)));
        Some(Self { name: name.to_owned(), architecture: architecture.map(str::to_owned) })
    }
}

/// How lists may have a file, and who may not be its owner though its list has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    names: Vec<String>,
    /// The only one that may have it, where its file was put in the place of others'.
    by: Option<String>,
    /// The one whose own file lies where this one came from.
    not_by: Option<String>,
}

impl Search {
    /// For the file at this path.
    pub fn new(path: &str, diversions: &str) -> Self {
        let mut search = Self { names: spellings(path), by: None, not_by: None };
        let lines: Vec<&str> = diversions.lines().collect();
        for triple in lines.chunks_exact(3) {
            let [from, to, by] = *triple else { continue };
            let is_meant = |path: &str| search.names.iter().any(|name| name == path);
            if is_meant(to) {
                return Self { names: spellings(from), by: None, not_by: Some(by.to_owned()) };
            }
            if is_meant(from) {
                search.by = Some(by.to_owned());
            }
        }
        search
    }

    /// Whether this owner's list has the file.
    pub fn is_in(&self, owner: &Owner, list: &[u8]) -> bool {
        let may_be = self.by.as_ref().is_none_or(|by| *by == owner.name)
            && self.not_by.as_ref().is_none_or(|by| *by != owner.name);
        may_be
            && list
                .split(|byte| *byte == b'\n')
                .any(|line| self.names.iter().any(|name| name.as_bytes() == line))
    }
}

/// A path, and how it is called where `/usr` is merged.
fn spellings(path: &str) -> Vec<String> {
    let is_merged = |path: &str| MERGED.iter().any(|directory| path.starts_with(directory));
    let other = match path.strip_prefix("/usr").filter(|rest| is_merged(rest)) {
        Some(rest) => Some(rest.to_owned()),
        None => is_merged(path).then(|| format!("/usr{path}")),
    };
    [path.to_owned()].into_iter().chain(other).collect()
}

/// The installed version of a package.
pub fn installed(status: &str, owner: &Owner) -> Option<Package> {
    let mut paragraphs = status.split("\n\n");
    paragraphs.find_map(|paragraph| {
        let field = |name: &str| {
            paragraph.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
        };
        let is_it = field("Package")? == owner.name
            && owner.architecture.as_deref().is_none_or(|wanted| field("Architecture") == Some(wanted))
            && field("Status")?.ends_with(" installed");
        is_it.then(|| Package::new(&owner.name, field("Version")?)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9
Description: a library
 Package: x

Package: libc6
Status: install ok installed
Architecture: i386
Version: 2.36-8

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: plain
Status: hold ok installed
Architecture: all
Version: 2
";

    fn owner(list: &str) -> Owner {
        Owner::of_list(list).unwrap()
    }

    #[test]
    fn the_version_is_that_of_the_installed_package() {
        let version = |list| installed(STATUS, &owner(list)).map(|package| package.to_string());
        assert_eq!(version("libc6:amd64.list").as_deref(), Some("libc6 2.36-9"));
        assert_eq!(version("libc6:i386.list").as_deref(), Some("libc6 2.36-8"));
        assert_eq!(version("plain.list").as_deref(), Some("plain 2"));
        assert_eq!(
            (version("gone.list"), version("none.list"), version("libc6:arm64.list")),
            (None, None, None)
        );
        assert_eq!(Owner::of_list("libc6.md5sums"), None);
    }

    #[test]
    fn a_file_is_found_by_either_of_its_names() {
        let list = b"/.\n/lib\n/lib/x86_64-linux-gnu/libc.so.6\n/usr/bin/bash\n/bin/sh";
        let is_in = |path: &str| Search::new(path, "").is_in(&owner("x.list"), list);
        assert!(is_in("/usr/lib/x86_64-linux-gnu/libc.so.6") && is_in("/lib/x86_64-linux-gnu/libc.so.6"));
        assert!(is_in("/bin/bash") && is_in("/usr/bin/bash") && is_in("/usr/bin/sh"));
        assert!(
            !is_in("/usr/bin/bas") && !is_in("/usr/bin/bash2") && !is_in("/usr/lib/x") && !is_in("/libexec")
        );
        assert!(!is_in("/usr/share/x") && !is_in(""));
    }

    #[test]
    fn what_is_diverted_belongs_to_whom_it_came_from() {
        let diversions = "/usr/bin/editor\n/usr/bin/editor.real\nwrapper\n/bin/sh\n/bin/sh.distrib\n:\n";
        let is_in =
            |path: &str, list: &str, text: &[u8]| Search::new(path, diversions).is_in(&owner(list), text);
        // The wrapper's own file, and the one that it moved away.
        assert!(is_in("/usr/bin/editor", "wrapper.list", b"/usr/bin/editor"));
        assert!(!is_in("/usr/bin/editor", "editor.list", b"/usr/bin/editor"));
        assert!(is_in("/usr/bin/editor.real", "editor.list", b"/usr/bin/editor"));
        assert!(!is_in("/usr/bin/editor.real", "wrapper.list", b"/usr/bin/editor"));
        // The administrator's own file is nobody's.
        assert!(!is_in("/usr/bin/sh", "dash.list", b"/bin/sh"));
        assert!(is_in("/bin/sh.distrib", "dash.list", b"/bin/sh"));
    }
}
