//! Stable codes of the findings that decoding can make.

/// A finding's stable code with its page.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// `DRAM0010`
    pub id: &'static str,
    /// One line.
    pub title: &'static str,
    /// The page that `dramc explain` prints: what it means, why it is refused, what to do.
    pub page: &'static str,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $id:literal, $title:literal, $page:literal;)*) => {
        impl Code {
            $(
                #[doc = $title]
                pub const $name: &'static Code = &Code { id: $id, title: $title, page: $page };
            )*
        }
        /// Every code that decoding can give, in order.
        pub const CODES: &[&Code] = &[$(Code::$name),*];
    };
}

codes! {
    UNKNOWN_FIELD = "DRAM0010", "a field that the language does not have",
        "A model says what must hold on the worst day. A field that nobody reads would be a promise that nobody\n\
         keeps, so every field that the language does not have, or does not have yet, is refused.\n\n\
         Correct the spelling (the closest known name is suggested), or remove the field.";
    MISSING_FIELD = "DRAM0011", "a required field is missing",
        "The block cannot mean anything without this field. Add it; the help line says what it holds.";
    WRONG_SHAPE = "DRAM0012", "a value of another shape",
        "Each field has exactly one shape: text, number, truth value, list or block. YAML reads an unquoted `1.10`\n\
         as a number and `on` or `yes` as text; quote what is meant as text.";
    NONE_OF = "DRAM0013", "none of the alternatives is given",
        "Some blocks are a choice: exactly one of several fields says which way is meant. Give one of them.";
    EXCLUDES = "DRAM0014", "two alternatives are given",
        "Some fields exclude each other, because together they would leave open which of them holds. Remove one.";
    DUPLICATE_KEY = "DRAM0015", "a key is given twice",
        "The same key stands twice in one block, or two elements of a list have the same name. One of them would\n\
         silently win; so both are shown, and one has to go or be renamed.";
    WRONG_FORMAT = "DRAM0016", "text that is not of the field's format",
        "Quantities and names have formats: durations are `30s`, `15m`, `4h`, `7d`, `2w`; bytes `512Mi`, `10Gi`;\n\
         rates bytes per unit of time, `50Mi/s`, `20Gi/d`; names are lower case letters, digits and dashes, 63 at most.";
    UNKNOWN_WORD = "DRAM0017", "a word that the field does not take",
        "The field takes one of a few words; the message lists them.";
    EMPTY = "DRAM0018", "a field without a value",
        "A field is written but holds nothing. An empty value could mean the default, nothing, or a mistake; give it a\n\
         value, or remove it. A block without options is written `{}`.";
    COUNT = "DRAM0019", "too few or too many elements",
        "The list needs at least, or takes at most, the number of elements that the message says.";
    LITERAL_SECRET = "DRAM0020", "a secret stands in the model",
        "Models are reviewed, copied and kept in version control: a secret never stands in one. Refer to it by\n\
         `{env: NAME}`, the environment variable that the engine reads, or `{file: /path}`, a file on the machine where\n\
         the engine runs. An address carries none either: passwords of databases come from `PGPASSWORD` or a password\n\
         file, keys of object stores from a profile. If a real secret was written here, replace it: it has been seen.";
}
