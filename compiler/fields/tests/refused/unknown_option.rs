use dram_fields::Fields;

/// A block.
#[derive(Fields)]
pub struct Block {
    /// Its names.
    #[field(minimum = 1)]
    pub names: Vec<String>,
}

fn main() {}
