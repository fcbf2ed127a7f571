//! Stable codes of the findings that the compiler adds to those of decoding. Each has a page in `pages/`.

use dram_fields::{CODES, Code};

macro_rules! codes {
    ($($name:ident = $id:literal, $title:literal;)*) => {
        /// The compiler's own codes.
        pub mod codes {
            use dram_fields::Code;
            $(
                #[doc = $title]
                pub const $name: &Code = &Code {
                    id: $id,
                    title: $title,
                    page: include_str!(concat!("pages/", $id, ".md")),
                };
            )*
        }
        const OWN: &[&Code] = &[$(codes::$name),*];
    };
}

codes! {
    SYNTAX = "DRAM0001", "the text is not YAML";
    UNSUPPORTED_YAML = "DRAM0002", "a part of YAML that the language does not use";
    NO_DOCUMENT = "DRAM0003", "there is nothing to check";
    DUPLICATE_DECLARATION = "DRAM0030", "two declarations have the same kind and name";
    UNRESOLVED = "DRAM0031", "a reference to something that is not declared";
    AFTER_UNRESOLVED = "DRAM0032", "`after` names a component that the application does not have";
    CYCLE = "DRAM0033", "components wait for each other in a circle";
    SAME_FAILURE_DOMAIN = "DRAM0034", "what protects would be lost with what it protects";
    CATALOG_DOMAIN = "DRAM0035", "the catalog shares a failure domain with a site or vault";
    EMPTY_COMPONENT = "DRAM0036", "a component that has nothing to protect and nothing to start";
    ZERO = "DRAM0037", "a quantity that must not be zero";
    SEVERAL_PLANS = "DRAM0038", "an application has several recovery plans";
    TARGET_IS_HOME = "DRAM0039", "a plan's target is the application's own site";
    BAD_URL = "DRAM0040", "an address that cannot be used";
    BAD_MAPPING = "DRAM0041", "a path mapping that cannot be applied";
    BAD_PATTERN = "DRAM0042", "an exclude pattern that cannot be read";
    LOCK_WITHOUT_S3 = "DRAM0043", "a lock on a store that cannot refuse";
    LOCK_OUTLIVES_RETENTION = "DRAM0044", "points stay locked longer than they are kept";
    WARN_WITHOUT_CAPACITY = "DRAM0045", "a warning without the amount that it is a part of";
    FIRST_VAULT = "DRAM0046", "an option of copies on the first vault";
    COPIES_TOGETHER = "DRAM0047", "two vaults of a policy fail together";
    SAME_PLACE = "DRAM0048", "two vaults of a policy are the same place";
    WRITER_DELETES = "DRAM0049", "whoever writes can also remove";
    RPO_NOT_MET = "DRAM0050", "the recovery point objective cannot hold";
    MOVE_TOO_SLOW = "DRAM0051", "a point is not sealed before the next one is due";
    RTO_NOT_MET = "DRAM0052", "the recovery time objective cannot hold";
    UNPROVEN = "DRAM0053", "an objective is not proved";
    ADOPTED_FOR_ANOTHER = "DRAM0054", "a vault that adopts a repository is used by another application";
    EMPTY_WINDOW = "DRAM0060", "a window of no length";
    TIMEZONE_WITHOUT_EFFECT = "DRAM0061", "a time zone that decides nothing";
    NEVER_FIRES = "DRAM0062", "a schedule that never fires";
    JITTER_TOO_LONG = "DRAM0063", "a firing that might act after the next one";
    BAD_HOOK = "DRAM0064", "a hook whose parts do not fit together";
    BAD_GROUP = "DRAM0065", "a consistency group whose members do not fit";
    NOT_QUIESCED = "DRAM0066", "consistency that nothing brings about";
    UNKNOWN_PROFILE = "DRAM0067", "a profile that nobody declares";
    UNKNOWN_PARAMETER = "DRAM0068", "a profile is given what it does not take, or not what it needs";
    WRONG_ARGUMENT = "DRAM0069", "a parameter's value is not of its type";
    BAD_PLACEHOLDER = "DRAM0070", "a parameter that cannot stand where it stands";
    BAD_PROFILE = "DRAM0071", "a profile that does not hold together";
    BUILT_IN_PROFILE = "DRAM0072", "a profile with the name of a built-in one";
    SAMPLE_WITHOUT_EFFECT = "DRAM0075", "a sample of what is restored whole";
    SAME_DEVICE = "DRAM0076", "a device that two components name";
    POLICY_UNDECIDED = "DRAM0080", "an application without a policy, or with two that could be meant";
    CHOOSES_NOTHING = "DRAM0081", "labels that choose nothing";
    BODY_DOES_NOT_FIT = "DRAM0082", "a component that cannot be at a site";
    NOT_OF_THIS_PLATFORM = "DRAM0083", "an option that the platform does not have";
    BAD_METHOD = "DRAM0084", "a method for nothing";
    NOT_MULTI_WRITER = "DRAM0085", "two sites would write the same data";
    AUTOMATION_WITHOUT_FENCE = "DRAM0086", "automation that could make two sites active";
    MISSING_MAPPING = "DRAM0087", "a recovery that its own mappings would refuse";
    BAD_WAVE = "DRAM0088", "waves that do not fit";
    BAD_RECORD = "DRAM0089", "a record without a value for a site";
    BAD_DRILL = "DRAM0090", "a drill that cannot be";
    BAD_PAIR = "DRAM0091", "a pair whose parts do not fit";
    TOO_LARGE = "DRAM0092", "a site that cannot take in what would come back";
}

/// Every code of the compiler and of decoding, in order.
#[must_use]
pub fn all_codes() -> Vec<&'static Code> {
    let mut all: Vec<&Code> = CODES.iter().chain(OWN).copied().collect();
    all.sort_by_key(|code| code.id);
    all
}

/// The code of that name, in any case.
#[must_use]
pub fn code(id: &str) -> Option<&'static Code> {
    all_codes().into_iter().find(|code| code.id.eq_ignore_ascii_case(id))
}
