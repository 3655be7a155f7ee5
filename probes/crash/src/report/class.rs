//! Under which class a crash is sent, and whether its backtrace is: programs that are not the distribution's are
//! nobody's business, unless the administrator said so (`etc_dir/opt-in-no-privacy-filters`).

/// A classification with its severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// The classification.
    pub name: &'static str,
    /// The severity, 2 to 4.
    pub severity: u32,
    /// What is sent instead of a report; none where the report is.
    pub fixed_payload: Option<&'static str>,
}

/// A backtrace.
pub const BACKTRACE: Class = Class { name: "org.clearlinux/crash/clr", severity: 3, fixed_payload: None };

/// What was found before unwinding failed.
pub const ERROR: Class = Class { name: "org.clearlinux/crash/error", severity: 4, fixed_payload: None };

/// A program of a package that is being built.
pub const PACKAGE_BUILD: Class = Class {
    name: "org.clearlinux/crash/clr-build",
    severity: 2,
    fixed_payload: Some("Crash from Clear package build\n"),
};

/// A program that is not the distribution's.
pub const THIRD_PARTY: Class = Class {
    name: "org.clearlinux/crash/unknown",
    severity: 2,
    fixed_payload: Some("Crash from third party\n"),
};

/// Where packages are built.
const BUILD_ROOT: [&str; 3] = ["builddir", "build", "BUILD"];

/// What the kernel puts behind the path of a file that was deleted or replaced.
const DELETED: &str = " (deleted)";

/// The class of a crash. `executable` is the program's path as its own mount namespace has it; a path that is not
/// known is a third party's. `filters` are the two rules for paths; `failed` says that unwinding failed as a whole.
pub fn classify(executable: Option<&str>, filters: bool, failed: bool) -> Class {
    let report = if failed { ERROR } else { BACKTRACE };
    if !filters {
        return report;
    }
    match executable.and_then(parts).as_deref() {
        Some([build @ .., _]) if build.starts_with(&BUILD_ROOT) => PACKAGE_BUILD,
        Some(["usr", "local", ..]) => THIRD_PARTY,
        Some(["usr", _, ..]) => report,
        _ => THIRD_PARTY,
    }
}

/// Whether what lies at this path is the distribution's: in `/usr/`, and not in `/usr/local/`.
pub fn is_of_distribution(path: &str) -> bool {
    matches!(parts(path).as_deref(), Some(["usr", second, ..]) if *second != "local")
}

/// The names that a path leads through; none if it is relative or climbs: the kernel's path does not, and where `..`
/// leads is not known without reading it.
fn parts(path: &str) -> Option<Vec<&str>> {
    let path = path.strip_suffix(DELETED).unwrap_or(path).strip_prefix('/')?;
    let parts: Vec<_> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    (!parts.contains(&"..")).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_decides_whose_program_it_is() {
        for (path, class) in [
            ("/usr/bin/editor", BACKTRACE),
            ("/usr/bin/editor (deleted)", BACKTRACE),
            ("/usr/lib/x/helper", BACKTRACE),
            ("//usr/./bin/editor", BACKTRACE),
            ("/usr/localized/bin/x", BACKTRACE),
            ("/usr/local/bin/x", THIRD_PARTY),
            ("/usr//local/x", THIRD_PARTY),
            ("/usr/local", THIRD_PARTY),
            ("/usr/bin/../local/bin/x", THIRD_PARTY),
            ("/usr/../home/me/x", THIRD_PARTY),
            ("/usr", THIRD_PARTY),
            ("/usr/", THIRD_PARTY),
            ("/usrbin/x", THIRD_PARTY),
            ("/bin/x", THIRD_PARTY),
            ("/home/me/usr/bin/x", THIRD_PARTY),
            ("usr/bin/x", THIRD_PARTY),
            ("x", THIRD_PARTY),
            ("", THIRD_PARTY),
            (" (deleted)", THIRD_PARTY),
            ("/memfd:x (deleted)", THIRD_PARTY),
            ("/builddir/build/BUILD/pkg/x", PACKAGE_BUILD),
            ("/builddir/build/BUILD/x (deleted)", PACKAGE_BUILD),
            ("/builddir/build/BUILD", THIRD_PARTY),
            ("/builddir/build/BUILDROOT/x", THIRD_PARTY),
            ("/builddir/build/BUILD/../../../usr/bin/x", THIRD_PARTY),
            ("/x/builddir/build/BUILD/x", THIRD_PARTY),
        ] {
            assert_eq!(classify(Some(path), true, false), class, "{path}");
            let failed = if class == BACKTRACE { ERROR } else { class };
            assert_eq!(classify(Some(path), true, true), failed, "{path}");
            assert_eq!(classify(Some(path), false, false), BACKTRACE, "{path}");
            assert_eq!(classify(Some(path), false, true), ERROR, "{path}");
        }
        assert_eq!(classify(None, true, false), THIRD_PARTY);
        assert_eq!(classify(None, false, false), BACKTRACE);
    }

    #[test]
    fn what_is_sent_is_what_the_contract_says() {
        for (class, name, severity, payload) in [
            (BACKTRACE, "clr", 3, None),
            (PACKAGE_BUILD, "clr-build", 2, Some("Crash from Clear package build\n")),
            (THIRD_PARTY, "unknown", 2, Some("Crash from third party\n")),
            (ERROR, "error", 4, None),
        ] {
            assert_eq!(class.name, format!("org.clearlinux/crash/{name}"));
            assert_eq!((class.severity, class.fixed_payload), (severity, payload));
            telemetry_record::classification::check(class.name).unwrap();
        }
    }
}
