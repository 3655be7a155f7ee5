//! What proves that machine ids were this machine's: `STATE_DIR/preimages/ids`, 0600 in 0700.
//!
//! ```text
//! id = the first 32 hexadecimal digits of SHA-256(preimage), the preimage being 32 random bytes
//!
//! ID PREIMAGE FIRST_USED LAST_USED      a line an id: 32 and 64 digits, seconds of steady time
//! ```
//!
//! A preimage is on disk before its id is used. Whoever has it can have the records of that id deleted, so that telemprobd and
//! root alone read it.

use sha2::{Digest, Sha256};
use std::fmt;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;
use telemetry_files::{Attributes, Durability, bounded_file, open_directory_below, replace};
use telemetry_record::hex_id::HexId;

/// The directory, below `state_dir`.
pub const PREIMAGES_DIR: &str = "preimages";

/// The file in it.
pub const IDS_FILE: &str = "ids";

/// Ids that are kept whatever the clock says.
const NEWEST_KEPT: usize = 16;

/// Most ids that are kept: one every three days for eight years, or one an hour for 40 days.
const MOST_KEPT: usize = 1000;

/// Longest file: so many lines, with room.
const FILE_BYTES: u64 = 256 << 10;

/// How exactly the last use of an id is kept.
const USE_INTERVAL_SECS: u64 = 60 * 60;

/// 32 bytes of which a machine id is the hash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Preimage([u8; 32]);

/// Its id alone: it is a secret.
impl fmt::Debug for Preimage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "preimage of {}", self.id())
    }
}

impl Preimage {
    /// A new one.
    ///
    /// # Errors
    /// The system's random source cannot be read.
    pub fn random() -> io::Result<Self> {
        let mut bytes = [0; 32];
        for half in bytes.as_chunks_mut::<16>().0 {
            *half = HexId::random()?.to_bytes();
        }
        Ok(Self(bytes))
    }

    /// The machine id that it proves.
    pub fn id(&self) -> HexId {
        let digest: [u8; 32] = Sha256::digest(self.0).into();
        let (id, _) = digest.as_chunks::<16>();
        HexId::from_bytes(id.first().copied().unwrap_or_default())
    }

    /// Its 64 digits: for the request to forget, and for the file.
    pub fn digits(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The text is no preimage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a preimage has exactly 64 lower-case hexadecimal digits")]
pub struct PreimageError;

impl FromStr for Preimage {
    type Err = PreimageError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (first, second) = text.split_at_checked(32).ok_or(PreimageError)?;
        let mut bytes = [0; 32];
        for (half, digits) in bytes.as_chunks_mut::<16>().0.iter_mut().zip([first, second]) {
            *half = digits.parse::<HexId>().map_err(|_| PreimageError)?.to_bytes();
        }
        Ok(Self(bytes))
    }
}

/// An id that can be proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptId {
    /// The id.
    pub id: HexId,
    /// What proves it.
    pub preimage: Preimage,
    /// When it was made.
    pub first_used_secs: u64,
    /// When it was last in use, to the hour.
    pub last_used_secs: u64,
}

impl FromStr for KeptId {
    type Err = PreimageError;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let mut words = line.split(' ');
        let mut next = || words.next().ok_or(PreimageError);
        let id = next()?.parse().map_err(|_| PreimageError)?;
        let preimage: Preimage = next()?.parse()?;
        let [first_used_secs, last_used_secs] =
            [next()?, next()?].map(|word| word.parse().map_err(|_| PreimageError));
        let kept = Self { id, preimage, first_used_secs: first_used_secs?, last_used_secs: last_used_secs? };
        if kept.preimage.id() == id && words.next().is_none() { Ok(kept) } else { Err(PreimageError) }
    }
}

impl fmt::Display for KeptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, preimage, first_used_secs, last_used_secs } = self;
        write!(f, "{id} {} {first_used_secs} {last_used_secs}", preimage.digits())
    }
}

/// The ids of a file's text, the oldest first. A line that is none is passed over: it costs no other.
pub fn parse(text: &str) -> Vec<KeptId> {
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

/// The ids that can be proven; none where the file is not there.
///
/// # Errors
/// It cannot be read.
pub fn read(state_dir: &Path) -> io::Result<Vec<KeptId>> {
    let read = || {
        let directory = open_directory_below(state_dir, Path::new(PREIMAGES_DIR))?;
        bounded_file::read_all(&bounded_file::open_regular_in(directory, IDS_FILE)?, FILE_BYTES)
    };
    match read() {
        Ok(bytes) => Ok(parse(&String::from_utf8_lossy(&bytes))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Keeps a new id, which is used from now on. Those that were not for longer than `keep` go. It is on disk when this returns.
///
/// # Errors
/// As the system says; then the id must not be used.
pub fn add(state_dir: &Path, preimage: Preimage, now_secs: u64, keep: Duration) -> io::Result<()> {
    let mut ids = read(state_dir)?;
    if let Some(last) = ids.last_mut() {
        last.last_used_secs = last.last_used_secs.max(now_secs);
    }
    ids.push(KeptId { id: preimage.id(), preimage, first_used_secs: now_secs, last_used_secs: now_secs });
    write(state_dir, &pruned(ids, now_secs, keep))
}

/// An id is in use now. One that cannot be proven changes nothing.
///
/// # Errors
/// As the system says; then all is as it was.
pub fn note_use(state_dir: &Path, id: HexId, now_secs: u64) -> io::Result<()> {
    let mut ids = read(state_dir)?;
    match ids.iter_mut().find(|kept| kept.id == id) {
        Some(kept) if now_secs >= kept.last_used_secs.saturating_add(USE_INTERVAL_SECS) => {
            kept.last_used_secs = now_secs;
        }
        _ => return Ok(()),
    }
    write(state_dir, &ids)
}

fn pruned(mut ids: Vec<KeptId>, now_secs: u64, keep: Duration) -> Vec<KeptId> {
    let surplus = ids.len().saturating_sub(MOST_KEPT);
    ids.drain(..surplus);
    let mut old = ids.len().saturating_sub(NEWEST_KEPT);
    ids.retain(|kept| {
        let is_newest = old == 0;
        old = old.saturating_sub(1);
        is_newest || now_secs.saturating_sub(kept.last_used_secs) <= keep.as_secs()
    });
    ids
}

fn write(state_dir: &Path, ids: &[KeptId]) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(state_dir.join(PREIMAGES_DIR)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let directory = open_directory_below(state_dir, Path::new(PREIMAGES_DIR))?;
    let text: String = ids.iter().map(|kept| format!("{kept}\n")).collect();
    let attributes = Attributes::of_directory(0o600);
    replace(&directory, IDS_FILE, text.as_bytes(), attributes, Durability::Synced)?;
    // The directory itself, where it was made just now.
    telemetry_files::open_directory(state_dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::fs::PermissionsExt;

    const KEEP: Duration = Duration::from_secs(1000);

    #[test]
    fn an_id_is_the_hash_of_its_preimage() {
        let digits: String = (0..32).map(|byte| format!("{byte:02x}")).collect();
        let preimage: Preimage = digits.parse().unwrap();
        assert_eq!(preimage.id().to_string(), "630dcd2966c4336691125448bbb25b4f");
        assert_eq!(preimage.digits(), digits);
        assert!(!format!("{preimage:?}").contains(&digits));
        for wrong in ["", &digits[1..], &digits.to_uppercase(), &format!("{digits}0"), &"é".repeat(32)] {
            assert_eq!(wrong.parse::<Preimage>(), Err(PreimageError), "{wrong}");
        }
        assert_ne!(Preimage::random().unwrap(), Preimage::random().unwrap());
    }

    #[test]
    fn ids_are_kept_for_a_time_after_their_last_use_and_the_newest_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), []);
        let preimages: Vec<_> = (0..40).map(|_| Preimage::random().unwrap()).collect();
        for (n, preimage) in preimages.iter().enumerate() {
            add(dir.path(), *preimage, n as u64 * 100, KEEP).unwrap();
        }
        let kept = read(dir.path()).unwrap();
        // The last 16, whose time is not up anyway.
        assert_eq!(kept.len(), NEWEST_KEPT);
        assert_eq!(kept.last().unwrap().preimage, preimages[39]);
        assert_eq!((kept[0].first_used_secs, kept[0].last_used_secs), (2400, 2500));
        add(dir.path(), Preimage::random().unwrap(), 1_000_000, KEEP).unwrap();
        assert_eq!(read(dir.path()).unwrap().len(), NEWEST_KEPT);

        let id = preimages[39].id();
        note_use(dir.path(), id, 1_003_000).unwrap();
        let used = |id| read(dir.path()).unwrap().iter().find(|kept| kept.id == id).unwrap().last_used_secs;
        assert_eq!(used(id), 1_000_000, "less than an hour");
        note_use(dir.path(), id, 1_003_600).unwrap();
        assert_eq!(used(id), 1_003_600);
        let mode =
            |name: &str| std::fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("preimages"), mode("preimages/ids")), (0o700, 0o600));
    }

    #[test]
    fn a_line_that_is_none_costs_no_other_and_proves_nothing() {
        let preimage = Preimage::random().unwrap();
        let good = format!("{} {} 1 2", preimage.id(), preimage.digits());
        let other = HexId::from_bytes([7; 16]);
        let text = format!(
            "{good}\nx\n\n{other} {} 1 2\n{good} 3\n{}\n",
            preimage.digits(),
            good.replace(" 2", " -2")
        );
        let ids = parse(&text);
        assert_eq!((ids.len(), ids[0].to_string()), (1, good));
    }

    #[test]
    fn a_planted_link_leads_nowhere() {
        let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(elsewhere.path(), dir.path().join(PREIMAGES_DIR)).unwrap();
        assert!(add(dir.path(), Preimage::random().unwrap(), 1, KEEP).is_err());
        assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_it_takes_is_proven(text in "[0-9a-f x\n]{0,300}") {
            for kept in parse(&text) {
                prop_assert_eq!(kept.preimage.id(), kept.id);
            }
        }
    }
}
