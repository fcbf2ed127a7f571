//! Randomness, passed in, so that a seed repeats a failure.

/// A source of bits that no other writer draws.
pub trait Chance: Send + Sync + std::fmt::Debug {
    /// The next 128 bits.
    fn bits(&self) -> u128;
}

/// The randomness of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemChance;

impl Chance for SystemChance {
    fn bits(&self) -> u128 {
        rand::random()
    }
}
