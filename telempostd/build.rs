//! Where the installed system keeps the programs that no person calls. `make` passes what a packager
//! chose; the default is a distribution's.

fn main() {
    println!("cargo:rerun-if-env-changed=TELEMETRICS_LIBEXECDIR");
    let directory = std::env::var("TELEMETRICS_LIBEXECDIR").unwrap_or_else(|_| "/usr/libexec".to_owned());
    println!("cargo:rustc-env=TELEMETRICS_LIBEXECDIR={directory}");
}
