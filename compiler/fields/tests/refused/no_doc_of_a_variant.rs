use dram_fields::Fields;

/// A choice.
#[derive(Fields)]
pub enum Action {
    /// A text for the shell.
    Shell(String),
    Run(Vec<String>),
}

fn main() {}
