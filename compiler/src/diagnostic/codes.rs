//! Stable codes of the findings that the compiler adds to those of decoding.

use dram_fields::{CODES, Code};

macro_rules! codes {
    ($($name:ident = $id:literal, $title:literal, $page:literal;)*) => {
        /// The compiler's own codes.
        pub mod codes {
            use dram_fields::Code;
            $(
                #[doc = $title]
                pub const $name: &Code = &Code { id: $id, title: $title, page: $page };
            )*
        }
        const OWN: &[&Code] = &[$(codes::$name),*];
    };
}

codes! {
    SYNTAX = "DRAM0001", "the text is not YAML",
        "The text cannot be read as YAML from the marked place on. The rest of this document is skipped; other\n\
         documents of the file are still checked.";
    UNSUPPORTED_YAML = "DRAM0002", "a part of YAML that the language does not use",
        "Merge keys (`<<`), tags, keys that are not text, and aliases that grow beyond bounds are refused: a reader of\n\
         the model should see what holds without working it out. Write the fields out.";
    NO_DOCUMENT = "DRAM0003", "there is nothing to check",
        "The files hold no document. A model is a stream of YAML documents, each with `apiVersion`, `kind`, `metadata`\n\
         and `spec`.";
    DUPLICATE_DECLARATION = "DRAM0030", "two declarations have the same kind and name",
        "References go by name, so a name is unique among the declarations of its kind. Rename or remove one. A model\n\
         has at most one Catalog.";
    UNRESOLVED = "DRAM0031", "a reference to something that is not declared",
        "The name refers to a declaration that none of the given files holds. Correct the name (the closest one is\n\
         suggested), or give the file that declares it as well.";
    AFTER_UNRESOLVED = "DRAM0032", "`after` names a component that the application does not have",
        "`after` orders the components of one application. Correct the name, or add the component.";
    CYCLE = "DRAM0033", "components wait for each other in a circle",
        "No order of start exists: each component in the printed circle waits for the next. Remove one `after`.";
    SAME_FAILURE_DOMAIN = "DRAM0034", "what protects would be lost with what it protects",
        "A failure domain is what fails together. A vault in the failure domain of the site that it protects, or a\n\
         target in the failure domain of the preferred site, is lost in the very event it is there for. Put it elsewhere,\n\
         or state the failure domains as they really are.";
    CATALOG_DOMAIN = "DRAM0035", "the catalog shares a failure domain with a site or vault",
        "With its site or vault lost, the catalog is lost too, and recovery has to work from the vault alone\n\
         (`dram recover`). That works, but declarations since the last point are gone. A third place is better.";
    EMPTY_COMPONENT = "DRAM0036", "a component that has nothing to protect and nothing to start",
        "The component has no paths, no dump and no service. Give it a body, or remove it.";
    ZERO = "DRAM0037", "a quantity that must not be zero",
        "An objective, interval, rate or count of zero cannot be kept. State the real number, or remove the field.";
    SEVERAL_PLANS = "DRAM0038", "an application has several recovery plans",
        "On the worst day it must be clear how an application comes back. Keep one plan for each application; a plan\n\
         can have several targets.";
    TARGET_IS_HOME = "DRAM0039", "a plan's target is the application's own site",
        "Restoring at the application's own site needs no plan. Remove the target, or name another site.";
    BAD_URL = "DRAM0040", "an address that cannot be used",
        "Health checks ask `http://` or `https://` addresses; catalogs are `file:///absolute/directory`.";
    BAD_MAPPING = "DRAM0041", "a path mapping that cannot be applied",
        "Keys and values of a path mapping are absolute paths without `..`.";
    BAD_PATTERN = "DRAM0042", "an exclude pattern that cannot be read",
        "Exclude patterns are those of `.gitignore`.";
    RPO_NOT_MET = "DRAM0050", "the recovery point objective cannot hold",
        "The worst case loses more time than `objectives.rpo` allows. The worst case is the longest gap between two\n\
         firings of the schedule, plus the time to move what changed in that gap (change rate over bandwidth), plus the\n\
         time to seal the point. Shorten the schedule to what the help line says, raise the bandwidth, or state an\n\
         objective that can hold.";
    MOVE_TOO_SLOW = "DRAM0051", "a point is not sealed before the next one is due",
        "What changes between two firings takes longer to move and to seal than the time between them, so the delay grows\n\
         without bound. Raise the bandwidth or the interval.";
    RTO_NOT_MET = "DRAM0052", "the recovery time objective cannot hold",
        "The worst case takes longer than `objectives.rto` allows: the data has to be moved to the target, then each\n\
         component on the longest chain of `after` starts and gets its whole `startPeriod` and `timeout`. Raise the\n\
         target's bandwidth, shorten the chain or the start periods, or state an objective that can hold.";
    UNPROVEN = "DRAM0053", "an objective is not proved",
        "An input of the proof is missing (a component's `data` hints, a site's `bandwidth`), so the verdict rests on the\n\
         listed assumptions. Give the inputs; `dramc prove --strict` fails until all are there.";
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
