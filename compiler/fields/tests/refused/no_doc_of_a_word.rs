use dram_fields::Fields;

/// A choice of words.
#[derive(Fields)]
pub enum OnMissing {
    /// It is refused.
    Fail,
    Keep,
}

fn main() {}
