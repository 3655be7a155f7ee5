//! Stretches of time.

/// Stretches of time in Unix seconds, in their order, none of which touches another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans(Vec<(i64, i64)>);

impl Spans {
    /// Of these, in any order, however they overlap; what ends before it begins is nothing.
    #[must_use]
    pub fn new(mut spans: Vec<(i64, i64)>) -> Self {
        spans.retain(|(start, end)| start < end);
        spans.sort_unstable();
        let mut joined: Vec<(i64, i64)> = Vec::with_capacity(spans.len());
        for (start, end) in spans {
            match joined.last_mut().filter(|last| start <= last.1) {
                Some(last) => last.1 = last.1.max(end),
                None => joined.push((start, end)),
            }
        }
        Self(joined)
    }

    /// One by one.
    pub fn iter(&self) -> impl Iterator<Item = (i64, i64)> {
        self.0.iter().copied()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one that a time is in.
    #[must_use]
    pub fn at(&self, secs: i64) -> Option<(i64, i64)> {
        let after = self.0.partition_point(|(start, _)| *start <= secs);
        self.0.get(after.checked_sub(1)?).copied().filter(|(_, end)| secs < *end)
    }

    /// With others.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        Self::new(self.iter().chain(other.iter()).collect())
    }

    /// The parts that lie in a stretch.
    #[must_use]
    pub fn within(&self, (from, until): (i64, i64)) -> Self {
        let first = self.0.partition_point(|(_, end)| *end <= from);
        let rest = self.0.iter().skip(first).take_while(|(start, _)| *start < until);
        let parts = rest.map(|(start, end)| ((*start).max(from), (*end).min(until)));
        Self(parts.filter(|(start, end)| start < end).collect())
    }

    /// The parts that do not lie in others.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut left = Vec::new();
        for (start, end) in self.iter() {
            let mut at = start;
            for (from, until) in other.within((start, end)).iter() {
                if at < from {
                    left.push((at, from));
                }
                at = until;
            }
            if at < end {
                left.push((at, end));
            }
        }
        Self(left)
    }

    /// Seconds of all together.
    #[must_use]
    pub fn secs(&self) -> u64 {
        self.iter().fold(0, |sum: u64, (start, end)| sum.saturating_add(end.abs_diff(start)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each second of a short time, in or out.
    fn seconds(spans: &Spans) -> Vec<bool> {
        (0..100).map(|second| spans.iter().any(|(start, end)| (start..end).contains(&second))).collect()
    }

    fn any() -> impl Strategy<Value = Vec<(i64, i64)>> {
        proptest::collection::vec((0_i64..100, 0_i64..100), 0..8)
    }

    fn assert_well_formed(spans: &Spans) -> Result<(), TestCaseError> {
        let all: Vec<_> = spans.iter().collect();
        prop_assert!(all.iter().all(|(start, end)| start < end), "{:?}", all);
        prop_assert!(all.windows(2).all(|two| two[0].1 <= two[1].0), "{:?}", all);
        Ok(())
    }

    proptest! {
        #[test]
        fn spans_are_sets_of_seconds(one in any(), other in any(), from in 0_i64..100, until in 0_i64..100, at in 0_i64..100) {
            let model: Vec<bool> = (0..100).map(|s| one.iter().any(|(a, b)| (*a..*b).contains(&s))).collect();
            let (one, other) = (Spans::new(one), Spans::new(other));
            prop_assert_eq!(seconds(&one), model.clone());
            prop_assert_eq!(one.secs(), model.iter().filter(|is| **is).count() as u64);
            prop_assert_eq!(one.at(at).is_some(), model[at as usize]);
            let pairs = || seconds(&one).into_iter().zip(seconds(&other));
            prop_assert_eq!(seconds(&one.with(&other)), pairs().map(|(a, b)| a || b).collect::<Vec<_>>());
            prop_assert_eq!(seconds(&one.without(&other)), pairs().map(|(a, b)| a && !b).collect::<Vec<_>>());
            let within: Vec<bool> = (0..).zip(&model).map(|(s, is)| *is && (from..until).contains(&s)).collect();
            prop_assert_eq!(seconds(&one.within((from, until))), within);
            for spans in [&one, &one.with(&other), &one.without(&other), &one.within((from, until))] {
                assert_well_formed(spans)?;
            }
        }
    }
}
