//! Lists of the machine that others wrote: mounts, whose points any user may have named, packages, a certificate.
#![no_main]

use libfuzzer_sys::fuzz_target;
use telemetry_sensors::{certificates, disks, packages};

fuzz_target!(|bytes: &[u8]| {
    let points = disks::mount_points(bytes);
    assert!(points.len() <= bytes.split(|byte| *byte == b'\n').count());
    assert!(points.iter().all(|point| point.starts_with('/') && !point.contains(char::is_control)));
    for package in packages::of_dpkg_status(bytes).into_iter().chain(packages::of_rpm_list(bytes)) {
        for word in [package.name, package.version] {
            assert!(
                !word.is_empty() && !word.contains(char::is_whitespace) && !word.contains(char::is_control)
            );
        }
    }
    certificates::end_of(bytes);
});
