//! Random moments. The seed is printed, so that a run can be repeated.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// A small generator (SplitMix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Default for Dice {
    fn default() -> Self {
        Self::new()
    }
}

impl Dice {
    /// Seeded by the system.
    pub fn new() -> Self {
        let seed = RandomState::new().hash_one(0);
        println!("seed {seed:#018x}");
        Self::from_seed(seed)
    }

    /// A generator of this seed.
    pub fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.bits() % end
    }

    /// Lets a moment pass, of any length below `maximum`: what follows happens at a random time.
    pub fn moment(&mut self, maximum: Duration) {
        let nanos = self.below(u64::try_from(maximum.as_nanos()).unwrap_or(u64::MAX));
        std::thread::sleep(Duration::from_nanos(nanos));
    }
}
