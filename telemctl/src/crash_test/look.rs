//! Looks where the report of a crash is: in the crash book, the spool, among the refused records, in the journal.

use super::follow::{RecordPosition, Seen};
use crate::settings::Settings;
use std::io::{self, ErrorKind};
use std::path::Path;
use telemetry_record::header::Header;
use telemetry_store::crash_history::{CrashHistory, Disposition};
use telemetry_store::delivery_log::DeliveryLog;
use telemetry_store::rejected::RejectedDir;
use telemetry_store::spool::{SpoolDir, file};

/// How far a time of the spool's file system may be behind the clock.
const CLOCK_GRAIN_SECS: u64 = 2;

/// The crash that is looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crash {
    /// Its process.
    pub(super) pid: i32,
    /// When it was started, in seconds since the epoch: the process id may have crashed before.
    pub(super) since_unix_secs: u64,
}

impl Crash {
    /// All that is seen of it but its process.
    pub(super) fn look(self, settings: &Settings) -> Seen {
        let mut seen = Seen::default();
        match self.disposition(&settings.state_dir) {
            Ok(disposition) => seen.disposition = disposition,
            Err(error) => seen.unseen = Some(unseen(&settings.state_dir.join("crashes.json"), &error)),
        }
        if let Some(Disposition::Sent { event_id, .. }) = &seen.disposition {
            match self.record(event_id, settings) {
                Ok(record) => seen.record = record,
                Err(reason) => seen.unseen = Some(reason),
            }
        }
        seen
    }

    fn disposition(self, state_dir: &Path) -> io::Result<Option<Disposition>> {
        let entries = CrashHistory::read(state_dir)?.unwrap_or_default().entries;
        let is_ours = |pid, unix_secs| pid == self.pid && unix_secs >= self.since_unix_secs;
        Ok(entries
            .into_iter()
            .rfind(|outcome| is_ours(outcome.pid, outcome.unix_secs))
            .map(|it| it.disposition))
    }

    /// The spool first: a record that leaves it meanwhile is found where it went.
    fn record(self, event_id: &str, settings: &Settings) -> Result<Option<RecordPosition>, String> {
        let dir = &settings.spool_dir;
        let spool = match SpoolDir::open(dir) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            spool => Some(spool.map_err(|error| unseen(dir, &error))?),
        };
        if let Some(spool) = &spool
            && self.is_in_spool(event_id, spool).map_err(|error| unseen(dir, &error))?
        {
            return Ok(Some(RecordPosition::Spool));
        }
        let entries = DeliveryLog::new(&settings.log_dir).entries();
        let entries = entries.map_err(|error| unseen(&settings.log_dir.join("journal"), &error))?;
        if entries.iter().any(|entry| entry.event_id == event_id) {
            return Ok(Some(RecordPosition::DeliveryLog));
        }
        match spool {
            Some(spool) => rejection(event_id, &spool).map_err(|error| unseen(dir, &error)),
            None => Ok(None),
        }
    }

    fn is_in_spool(self, event_id: &str, spool: &SpoolDir) -> io::Result<bool> {
        let since_ns =
            i64::try_from(self.since_unix_secs.saturating_sub(CLOCK_GRAIN_SECS)).unwrap_or(i64::MAX);
        let since_ns = since_ns.saturating_mul(1_000_000_000);
        for entry in spool.entries_and_segments()?.into_iter().filter(|entry| entry.modified_ns >= since_ns) {
            // Delivered since.
            let Ok(bytes) = spool.read(&entry.name) else { continue };
            let records = file::decode(&entry.name, &bytes).records;
            if records.iter().any(|record| record.message.headers.value(Header::EventId) == event_id) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn rejection(event_id: &str, spool: &SpoolDir) -> io::Result<Option<RecordPosition>> {
    let Some(rejected) = RejectedDir::open(spool)? else { return Ok(None) };
    let is_ours =
        |message: &telemetry_record::message::Message| message.headers.value(Header::EventId) == event_id;
    let record = rejected.list()?.into_iter().rfind(|record| record.message.as_ref().is_some_and(is_ours));
    Ok(record.map(|record| {
        let status = record.status.map(|status| format!("{status}: ")).unwrap_or_default();
        RecordPosition::Rejected(format!("{status}{}", record.reason))
    }))
}

fn unseen(path: &Path, error: &io::Error) -> String {
    let remedy = if error.kind() == ErrorKind::PermissionDenied { "; run this as root" } else { "" };
    format!("{} cannot be read: {error}{remedy}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime, UNIX_EPOCH};
    use telemetry::Record;
    use telemetry_record::hex_id::HexId;
    use telemetry_record::message::Message;
    use telemetry_store::crash_history::{self, CrashEntry};
    use telemetry_store::delivery_log::DeliveryEntry;
    use telemetry_store::rejected::{RejectedWriter, Rejection};
    use telemetry_store::spool::{Durability, StoredRecord, Writer};

    const PATIENCE: Duration = Duration::from_secs(60);

    struct Scene {
        dir: tempfile::TempDir,
        settings: Settings,
    }

    impl Scene {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let at = |name: &str| dir.path().join(name).display().to_string();
            let text = format!(
                "[settings]\nstate_dir={}\nspool_dir={}\nlog_dir={}\n",
                at(""),
                at("spool"),
                at("log")
            );
            let configuration = telemetry_config::Configuration::parse(Path::new("/t.conf"), &text);
            let settings = Settings::read(&configuration.unwrap()).unwrap();
            Self { dir, settings }
        }

        fn note(&self, pid: i32, unix_secs: u64, disposition: Disposition) {
            let outcome = CrashEntry { unix_secs, pid, executable: "x".to_owned(), disposition };
            crash_history::add_entry(self.dir.path(), outcome, PATIENCE).unwrap();
        }

        fn look(&self, since_unix_secs: u64) -> Seen {
            Crash { pid: 7, since_unix_secs }.look(&self.settings)
        }
    }

    #[test]
    fn the_word_of_this_crash_and_no_other_is_taken() {
        let scene = Scene::new();
        assert_eq!(scene.look(100), Seen::default());
        scene.note(7, 99, Disposition::NotSent { reason: "another of this number".to_owned() });
        scene.note(8, 100, Disposition::LeftOut);
        assert_eq!(scene.look(100), Seen::default());
        let disposition = Disposition::NotSent { reason: "away".to_owned() };
        scene.note(7, 100, disposition.clone());
        assert_eq!(scene.look(100), Seen { disposition: Some(disposition), ..Seen::default() });
    }

    #[test]
    fn the_record_is_followed_from_the_spool_to_where_it_goes() {
        let scene = Scene::new();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let record = Record::new(3, "org.clearlinux/crash/clr", 1).unwrap();
        let event_id = record.headers().value(Header::EventId).to_owned();
        scene.note(7, now, Disposition::Sent { class: "c".to_owned(), event_id: event_id.clone() });
        let whereabouts = || scene.look(now).record;
        assert_eq!(whereabouts(), None, "no spool yet");

        let spool = Writer::open_or_create(&scene.settings.spool_dir).unwrap();
        assert_eq!(whereabouts(), None);
        let other = Record::new(3, "org.clearlinux/crash/clr", 1).unwrap();
        let message = |record: &Record| Message {
            config: None,
            headers: record.headers().clone(),
            payload: "p".to_owned(),
        };
        spool.store(0, &[&message(&other)], Durability::Atomic).unwrap();
        assert_eq!(whereabouts(), None);
        let stored = spool.store(0, &[&message(&other), &message(&record)], Durability::Atomic).unwrap();
        assert_eq!(whereabouts(), Some(RecordPosition::Spool));

        std::fs::remove_file(spool.path().join(&stored.name)).unwrap();
        let refused =
            StoredRecord { id: HexId::from_bytes([1; 16]), sender: None, message: message(&record) };
        let refusal = Rejection { server: "http://h/", status: Some(400), reason: "no" };
        RejectedWriter::default().keep(&spool, &refused, refusal, SystemTime::now()).unwrap();
        assert_eq!(whereabouts(), Some(RecordPosition::Rejected("400: no".to_owned())));

        std::fs::create_dir(&scene.settings.log_dir).unwrap();
        let entry = DeliveryEntry {
            record_id: "00ff".to_owned(),
            unix_secs: 1,
            classification: "c".to_owned(),
            event_id,
            boot_id: "b".to_owned(),
        };
        DeliveryLog::new(&scene.settings.log_dir).append(&[entry]).unwrap();
        assert_eq!(whereabouts(), Some(RecordPosition::DeliveryLog));
    }

    #[test]
    fn what_cannot_be_read_is_reported() {
        let scene = Scene::new();
        std::fs::create_dir(scene.dir.path().join("crashes.json")).unwrap();
        let unseen = scene.look(0).unseen.unwrap();
        assert!(unseen.contains("crashes.json cannot be read: "), "{unseen}");
    }
}
