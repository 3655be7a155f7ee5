//! `tm_create_record` and `tm_free_record`, from C.

use super::c_program::Programs;
use super::in_turn;
use super::table::Row;
use std::error::Error;
use test_harness::Sandbox;

pub(super) fn measure(programs: &Programs, print: &mut dyn FnMut(&Row)) -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::new();
    let config = sandbox.config_arg();
    let (ours, floor) = in_turn(
        || programs.figure("bench_send", &[&config, "0", "0.3", "0"]),
        || programs.figure("floor_copy", &["0.3", "600"]),
    )?;
    print(&Row {
        what: "create and free (floor: a copy)".to_owned(),
        ours: 1e6 / ours,
        floor: 1e6 / floor,
        ratio: None,
        unit: "us",
        goal: "under 6 us",
        c_implementation: "58 to 64 us",
    });
    Ok(())
}
