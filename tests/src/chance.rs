//! Chance that can be repeated: a seed gives the same numbers for ever.

/// Names the seed, to repeat a failure.
pub const SEED: &str = "DRAM_SEED";

/// A stream of numbers (xorshift). Good for noise and moments, useless for secrets.
#[derive(Debug, Clone)]
pub struct Chance {
    state: u64,
}

impl Chance {
    /// The stream of a seed.
    pub fn of(seed: u64) -> Chance {
        // Zero would stay zero.
        Chance {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        }
    }

    /// The stream of the seed that `DRAM_SEED` names, or of the present moment; and the seed, to be told.
    pub fn of_now() -> (u64, Chance) {
        let named = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
        let now = || {
            std::time::UNIX_EPOCH
                .elapsed()
                .map(|since| since.as_nanos() as u64 % 1_000_000_007)
                .unwrap_or(1)
        };
        let seed = named.unwrap_or_else(now);
        (seed, Chance::of(seed))
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    /// A number below a limit.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.number() % limit.max(1)
    }

    /// Bytes that no compression shrinks.
    pub fn noise(&mut self, bytes: usize) -> Vec<u8> {
        let mut noise: Vec<u8> = std::iter::repeat_with(|| self.number().to_le_bytes())
            .take(bytes.div_ceil(8))
            .flatten()
            .collect();
        noise.truncate(bytes);
        noise
    }

    /// Words in a random order: what compresses about as records and source code do.
    pub fn words(&mut self, bytes: usize) -> Vec<u8> {
        let mut text = String::with_capacity(bytes + 16);
        while text.len() < bytes {
            let word = self.below(3_000);
            text.push_str(&format!("{:x} ", word * word * 7_919));
        }
        text.truncate(bytes);
        text.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats() {
        assert_eq!(Chance::of(7).noise(1001), Chance::of(7).noise(1001));
        assert_ne!(Chance::of(7).noise(64), Chance::of(8).noise(64));
        assert!((0..1000).all(|seed| Chance::of(seed).below(10) < 10));
    }
}
