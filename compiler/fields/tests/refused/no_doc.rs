use dram_fields::Fields;

/// A block.
#[derive(Fields)]
pub struct Block {
    pub name: String,
}

fn main() {}
