//! What a record says about the machine: read once a process, and again only when os-release changes
//! (a system that updates itself under a long-lived program).

use crate::limits::HOST_FILE_BYTES;
use arc_swap::ArcSwapOption;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use telemetry_files::bounded_file;

/// The header values that describe a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFacts {
    /// Machine name of `uname`, or `unknown`.
    pub arch: String,
    /// `SYS_VENDOR|PRODUCT_NAME|PRODUCT_VERSION` of DMI.
    pub host_type: String,
    /// `VERSION_ID` of os-release as it stands in the file, or `0`.
    pub build: String,
    /// Release of `uname`.
    pub kernel_version: String,
    /// `ID` of os-release as it stands in the file, with `_VARIANT_ID` where there is one, or `unknown`.
    pub system_name: String,
    /// `BOARD_NAME|BOARD_VENDOR` of DMI.
    pub board_name: String,
    /// First `model name` of cpuinfo, or `blank`.
    pub cpu_model: String,
    /// `bios_version` of DMI.
    pub bios_version: String,
}

/// Which os-release file the facts were read from, so that a change is noticed by one `stat`.
#[derive(Clone, Copy, PartialEq, Eq)]
struct OsReleaseStamp {
    device: u64,
    inode: u64,
    modified_ns: i128,
    size: u64,
}

struct Cached {
    stamp: Option<OsReleaseStamp>,
    facts: Arc<HostFacts>,
}

/// Lock-free, so that a child forked while another thread fills it does not wait for ever.
static CACHE: ArcSwapOption<Cached> = ArcSwapOption::const_empty();

impl HostFacts {
    /// The facts of this machine, from the process-wide cache while os-release is unchanged.
    pub fn from_this_machine() -> Arc<Self> {
        let stamp = os_release_stamp(Path::new("/"));
        if let Some(cached) = CACHE.load().as_ref().filter(|cached| cached.stamp == stamp) {
            return Arc::clone(&cached.facts);
        }
        let facts = Arc::new(Self::from_root(Path::new("/")));
        CACHE.store(Some(Arc::new(Cached { stamp, facts: Arc::clone(&facts) })));
        facts
    }

    /// Reads the facts below `root` (`/`, but in tests). What cannot be read gets the value that the
    /// collector expects for it.
    pub fn from_root(root: &Path) -> Self {
        let os_release =
            OS_RELEASE_PATHS.iter().find_map(|path| read_text(&root.join(path))).unwrap_or_default();
        let dmi = root.join("sys/class/dmi/id");
        let dmi_values = |keys: &[(&str, &str)]| {
            let values: Vec<_> = keys.iter().map(|(file, key)| dmi_value(&dmi, file, key)).collect();
            values.join("|")
        };
        let (arch, kernel_version) = match nix::sys::utsname::uname() {
            Ok(uname) => (
                uname.machine().to_string_lossy().into_owned(),
                uname.release().to_string_lossy().into_owned(),
            ),
            Err(_) => ("unknown".to_owned(), "unknown".to_owned()),
        };
        Self {
            arch,
            kernel_version,
            host_type: dmi_values(&[
                ("sys_vendor", "sv"),
                ("product_name", "pn"),
                ("product_version", "pvr"),
            ]),
            build: os_release_build(&os_release),
            system_name: os_release_system_name(&os_release),
            board_name: dmi_values(&[("board_name", "bn"), ("board_vendor", "bv")]),
            cpu_model: read_text(&root.join("proc/cpuinfo"))
                .as_deref()
                .and_then(cpu_model)
                .unwrap_or("blank")
                .to_owned(),
            bios_version: dmi_value(&dmi, "bios_version", "bv"),
        }
    }
}

const OS_RELEASE_PATHS: [&str; 2] = ["etc/os-release", "usr/lib/os-release"];

fn os_release_stamp(root: &Path) -> Option<OsReleaseStamp> {
    let stamp = |metadata: Metadata| OsReleaseStamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        modified_ns: i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
        size: metadata.size(),
    };
    OS_RELEASE_PATHS.iter().find_map(|path| std::fs::metadata(root.join(path)).ok()).map(stamp)
}

/// The head of a small text file; bytes that are not UTF-8 are replaced.
fn read_text(path: &Path) -> Option<String> {
    bounded_file::read_head(path, HOST_FILE_BYTES)
        .ok()
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn dmi_value(dmi: &Path, file: &str, key: &str) -> String {
    let Some(text) = read_text(&dmi.join(file)) else {
        return format!("no_{key}_file");
    };
    match text.lines().next() {
        Some(line) if !line.trim().is_empty() => line.to_owned(),
        _ => "blank".to_owned(),
    }
}

/// The value of a key of os-release as it stands in the file, quotes included.
fn os_release_value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.trim().split_once('='))
        .find(|(name, _)| *name == key)
        .map(|(_, value)| value)
        .filter(|value| !value.is_empty())
}

/// Both keep their quotes: collectors strip them, and group by what they were always sent.
fn os_release_build(text: &str) -> String {
    os_release_value(text, "VERSION_ID").unwrap_or("0").to_owned()
}

fn os_release_system_name(text: &str) -> String {
    let Some(id) = os_release_value(text, "ID") else {
        return "unknown".to_owned();
    };
    os_release_value(text, "VARIANT_ID").map_or_else(|| id.to_owned(), |variant| format!("{id}_{variant}"))
}

fn cpu_model(cpuinfo: &str) -> Option<&str> {
    cpuinfo
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim() == "model name")
        .map(|(_, model)| model.trim())
        .filter(|model| !model.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn a_full_machine() {
        let root = root(&[
            ("etc/os-release", "NAME=\"X\"\nID=fedora\nVERSION_ID=\"41\"\nVARIANT_ID=server\n"),
            ("sys/class/dmi/id/sys_vendor", "LENOVO\n"),
            ("sys/class/dmi/id/product_name", "   \n"),
            ("sys/class/dmi/id/product_version", ""),
            ("sys/class/dmi/id/board_name", "B1\nsecond\n"),
            ("sys/class/dmi/id/bios_version", "R0ZET\n"),
            ("proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU @ 2.30GHz\nmodel name : x\n"),
        ]);
        let facts = HostFacts::from_root(root.path());
        assert_eq!(facts.build, "\"41\"");
        assert_eq!(facts.system_name, "fedora_server");
        assert_eq!(facts.host_type, "LENOVO|blank|blank");
        assert_eq!(facts.board_name, "B1|no_bv_file");
        assert_eq!(facts.bios_version, "R0ZET");
        assert_eq!(facts.cpu_model, "Some CPU @ 2.30GHz");
        let uname = nix::sys::utsname::uname().unwrap();
        assert_eq!(facts.arch, uname.machine().to_str().unwrap());
        assert_eq!(facts.kernel_version, uname.release().to_str().unwrap());
    }

    #[test]
    fn an_empty_machine() {
        let facts = HostFacts::from_root(root(&[]).path());
        assert_eq!(facts.build, "0");
        assert_eq!(facts.system_name, "unknown");
        assert_eq!(facts.host_type, "no_sv_file|no_pn_file|no_pvr_file");
        assert_eq!(facts.board_name, "no_bn_file|no_bv_file");
        assert_eq!(facts.bios_version, "no_bv_file");
        assert_eq!(facts.cpu_model, "blank");
    }

    #[test]
    fn os_release_of_the_vendor_serves_when_etc_has_none() {
        let root = root(&[("usr/lib/os-release", "ID='sles'\nVERSION_ID=15.5\n")]);
        let facts = HostFacts::from_root(root.path());
        assert_eq!((facts.system_name.as_str(), facts.build.as_str()), ("'sles'", "15.5"));
    }

    #[test]
    fn values_of_os_release_keep_their_quotes() {
        for (text, system_name, build) in [
            ("ID=\"rhel\"\nVERSION_ID=\"9.4\"\n", "\"rhel\"", "\"9.4\""),
            ("ID=\"sles\"\nVARIANT_ID=\"server\"\n", "\"sles\"_\"server\"", "0"),
            ("VARIANT_ID='iot'\nID=fedora\nVERSION_ID='41'\n", "fedora_'iot'", "'41'"),
            ("ID=\"\"\nVERSION_ID=\"\"\n", "\"\"", "\"\""),
            ("VARIANT_ID=server\n#ID=x\nID_LIKE=debian\n", "unknown", "0"),
            ("ID=\nVERSION_ID=\n", "unknown", "0"),
        ] {
            let facts = HostFacts::from_root(root(&[("etc/os-release", text)]).path());
            assert_eq!((facts.system_name.as_str(), facts.build.as_str()), (system_name, build), "{text}");
        }
    }

    #[test]
    fn a_changed_os_release_has_another_stamp() {
        let root = root(&[("etc/os-release", "ID=a\n")]);
        let before = os_release_stamp(root.path());
        assert!(before.is_some());
        assert!(before == os_release_stamp(root.path()));
        fs::write(root.path().join("etc/os-release"), "ID=abc\n").unwrap();
        assert!(before != os_release_stamp(root.path()));
    }

    #[test]
    fn facts_are_read_once() {
        assert!(Arc::ptr_eq(&HostFacts::from_this_machine(), &HostFacts::from_this_machine()));
    }
}
