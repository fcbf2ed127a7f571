use dram_fields::Fields;

#[derive(Fields)]
pub struct Block {
    /// Its name.
    pub name: String,
}

fn main() {}
