//! Random choices from a seed: the same seed, the same run.

/// SplitMix64: small, and good enough to mix a scheduler's choices.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// A number below `bound`, 0 for a bound of 0.
    #[allow(clippy::cast_possible_truncation)] // smaller than the bound
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        if bound == 0 {
            0
        } else {
            (self.next() % bound as u64) as usize
        }
    }

    /// True once in `every` times; never for 0.
    pub(crate) fn once_in(&mut self, every: u32) -> bool {
        every != 0 && self.next().is_multiple_of(u64::from(every))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_run() {
        let run = |seed| {
            let mut random = Random::new(seed);
            (0..8)
                .map(|_| random.below(100))
                .collect::<alloc::vec::Vec<_>>()
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        assert!(!Random::new(1).once_in(0));
        assert!(Random::new(1).once_in(1));
    }
}
