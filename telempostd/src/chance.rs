//! Chance, which spreads machines out that would otherwise act at one time.

use rand::TryRng;
use rand::rngs::SysRng;

/// A random number from 0 to below 1.
pub(crate) fn chance() -> f64 {
    // Without random bytes the middle serves: it only spreads machines out.
    SysRng.try_next_u32().map_or(0.5, |number| f64::from(number) / (f64::from(u32::MAX) + 1.0))
}
