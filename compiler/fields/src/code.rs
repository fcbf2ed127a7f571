//! Stable codes of the findings that decoding can make. Each has a page in `pages/`.

/// A finding's stable code with its page.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// `DRAM0010`
    pub id: &'static str,
    /// One line.
    pub title: &'static str,
    /// The page that `dramc explain` prints, in Markdown: what it means, why it is refused, what to do, a wrong example
    /// with what is said about it, and a right one.
    pub page: &'static str,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $id:literal, $title:literal;)*) => {
        impl Code {
            $(
                #[doc = $title]
                pub const $name: &'static Code = &Code {
                    id: $id,
                    title: $title,
                    page: include_str!(concat!("pages/", $id, ".md")),
                };
            )*
        }
        /// Every code that decoding can give, in order.
        pub const CODES: &[&Code] = &[$(Code::$name),*];
    };
}

codes! {
    UNKNOWN_FIELD = "DRAM0010", "a field that the language does not have";
    MISSING_FIELD = "DRAM0011", "a required field is missing";
    WRONG_SHAPE = "DRAM0012", "a value of another shape";
    NONE_OF = "DRAM0013", "none of the alternatives is given";
    EXCLUDES = "DRAM0014", "two alternatives are given";
    DUPLICATE_KEY = "DRAM0015", "a key is given twice";
    WRONG_FORMAT = "DRAM0016", "text that is not of the field's format";
    UNKNOWN_WORD = "DRAM0017", "a word that the field does not take";
    EMPTY = "DRAM0018", "a field without a value";
    COUNT = "DRAM0019", "too few or too many elements";
    LITERAL_SECRET = "DRAM0020", "a secret stands in the model";
}
