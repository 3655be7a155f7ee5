//! Numbers that look random and follow from what they are thrown for.

/// A die for one thing. What is thrown for another thing is another die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The die for a part of this thing.
    pub(crate) fn with(self, part: u64) -> Self {
        // SplitMix64, whose output is spread over all bits.
        let mut state = self.0 ^ part.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xff51_afd7_ed55_8ccd);
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self(state ^ (state >> 31))
    }

    pub(crate) fn number(self) -> u64 {
        self.with(1).0
    }

    /// 0 to `sides` - 1; 0 if there are none.
    pub(crate) fn below(self, sides: u32) -> u32 {
        u32::try_from(self.number() % u64::from(sides.max(1))).unwrap_or(0)
    }

    /// True so many times of a thousand.
    pub(crate) fn of_thousand(self, times: u32) -> bool {
        self.below(1000) < times
    }

    /// 0 to below 1.
    pub(crate) fn unit(self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// One of these.
    pub(crate) fn pick<T: Copy>(self, of: &[T]) -> Option<T> {
        of.get(usize::try_from(self.below(u32::try_from(of.len()).ok()?)).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_fair_and_always_the_same() {
        let dice = Dice::new(7);
        assert_eq!(dice.with(3).number(), Dice::new(7).with(3).number());
        let mut counts = [0_u32; 10];
        for throw in 0..10_000 {
            counts[dice.with(throw).below(10) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
        let mean = (0..10_000).map(|throw| dice.with(throw).unit()).sum::<f64>() / 10_000.0;
        assert!((0.48..0.52).contains(&mean), "{mean}");
        assert_eq!(dice.pick::<u8>(&[]), None);
    }
}
