//! Where the installed system keeps its files. `make` passes what a packager chose; the defaults are a
//! distribution's.

fn main() {
    for (variable, default) in [
        ("TELEMETRICS_SYSCONFDIR", "/etc"),
        ("TELEMETRICS_LOCALSTATEDIR", "/var"),
        ("TELEMETRICS_RUNSTATEDIR", "/run"),
        ("TELEMETRICS_DATADIR", "/usr/share"),
        ("TELEMETRICS_SERVER", ""),
    ] {
        println!("cargo:rerun-if-env-changed={variable}");
        let value = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
        println!("cargo:rustc-env={variable}={value}");
    }
}
