//! Create, set, send, stored answer: from C, through telemprobd, to the spool.

use super::c_program::Programs;
use super::in_turn;
use super::table::Row;
use std::error::Error;
use std::path::Path;
use std::time::Duration;
use test_harness::Sandbox;

const PAYLOAD_BYTES: usize = 200;
/// Header lines of this machine's records, sizes and terminators: within a few bytes on any machine.
const FRAME_BYTES: usize = 500;

pub(super) fn measure(
    programs: &Programs,
    folder: &Path,
    print: &mut dyn FnMut(&Row),
) -> Result<(), Box<dyn Error>> {
    let mut rss_kib = 0;
    let mut synced = (f64::NAN, f64::NAN);
    for (sync, senders) in [(false, 1), (false, 8), (true, 1), (true, 8), (true, 64)] {
        let mut sandbox = Sandbox::new_in(folder);
        sandbox.set("spool_sync", sync).set("spool_max_size", -1).set("daemon_recycling_enabled", false);
        let daemon = sandbox.start_telemprobd();
        let config = sandbox.config_arg();
        let (senders_arg, payload) = (senders.to_string(), PAYLOAD_BYTES.to_string());
        let message = (PAYLOAD_BYTES + FRAME_BYTES).to_string();
        let floor_dir = sandbox.path("floor");
        let (ours, floor) = in_turn(
            || {
                let rate = programs.figure("bench_send", &[&config, &senders_arg, "0.7", &payload])?;
                for entry in std::fs::read_dir(sandbox.path("spool"))? {
                    std::fs::remove_file(entry?.path())?;
                }
                Ok(rate)
            },
            || {
                std::fs::create_dir(&floor_dir)?;
                let dir = floor_dir.display().to_string();
                let sync = if sync { "1" } else { "0" };
                let rate = programs.figure("floor_send", &[&dir, &senders_arg, "0.7", &message, sync])?;
                std::fs::remove_dir_all(&floor_dir)?;
                Ok(rate)
            },
        )?;
        // As it idles: the counters are written and what left the spool is noted after a second.
        std::thread::sleep(Duration::from_millis(1500));
        rss_kib = rss_kib.max(daemon.status_kib("VmRSS"));
        match (sync, senders) {
            (true, 1) => synced.0 = ours,
            (true, 64) => synced.1 = ours,
            _ => {}
        }
        print(&Row {
            what: format!(
                "send, stored and answered: {senders} sender{}, {}",
                if senders == 1 { "" } else { "s" },
                if sync { "synced" } else { "unsynced" }
            ),
            ours,
            floor,
            ratio: Some(ours / floor),
            unit: "records/s",
            goal: if senders == 1 { "0.6 of the floor" } else { "-" },
            c_implementation: match (sync, senders) {
                (false, 1) => "12,000 to 14,000 (unanswered)",
                _ => "-",
            },
        });
    }
    print(&Row {
        what: "synced: 64 senders beside 1 (floor)".to_owned(),
        ours: synced.1,
        floor: synced.0,
        ratio: Some(synced.1 / synced.0),
        unit: "records/s",
        goal: "15 times",
        c_implementation: "-",
    });
    print(&Row {
        what: "telemprobd after that".to_owned(),
        ours: rss_kib as f64 / 1024.0,
        floor: f64::NAN,
        ratio: None,
        unit: "MB RSS",
        goal: "under 2.9 MB",
        c_implementation: "2.9 MB",
    });
    Ok(())
}
