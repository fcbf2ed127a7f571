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
        "The component has no paths, no device, no dump and no service. Give it a body, or remove it.";
    ZERO = "DRAM0037", "a quantity that must not be zero",
        "An objective, interval, rate or count of zero cannot be kept. State the real number, or remove the field.";
    SEVERAL_PLANS = "DRAM0038", "an application has several recovery plans",
        "On the worst day it must be clear how an application comes back. Keep one plan for each application; a plan\n\
         can have several targets.";
    TARGET_IS_HOME = "DRAM0039", "a plan's target is the application's own site",
        "Restoring at the application's own site needs no plan. Remove the target, or name another site.";
    BAD_URL = "DRAM0040", "an address that cannot be used",
        "Health checks ask `http://` or `https://` addresses. Catalogs are `file:///absolute/directory`,\n\
         `s3://bucket/prefix` with `endpoint`, `region`, `profile` and `pathStyle` after a `?`, or\n\
         `postgres://user@host:port/database` with `schema` and `sslmode`.";
    BAD_MAPPING = "DRAM0041", "a path mapping that cannot be applied",
        "Keys and values of a path mapping are absolute paths without `..`.";
    BAD_PATTERN = "DRAM0042", "an exclude pattern that cannot be read",
        "Exclude patterns are those of `.gitignore`.";
    LOCK_WITHOUT_S3 = "DRAM0043", "a lock on a store that cannot refuse",
        "A lock holds because the store itself refuses to remove what is locked. S3 services do that in buckets that were\n\
         made with object lock. A directory obeys whoever may write to it, and Swift has no such refusal: a lock there\n\
         would be a word without a deed.";
    LOCK_OUTLIVES_RETENTION = "DRAM0044", "points stay locked longer than they are kept",
        "Retention lets a point go while its lock still holds. Nothing is lost, and `dram prune` waits for the lock; but the\n\
         vault holds more than `retention` says, and its space comes back late. Keep points as long as the lock, or\n\
         shorten the lock.";
    WARN_WITHOUT_CAPACITY = "DRAM0045", "a warning without the amount that it is a part of",
        "`warnAt` is a part of `capacity`. Without it nobody knows when to warn.";
    FIRST_VAULT = "DRAM0046", "an option of copies on the first vault",
        "The first vault of a policy is the primary one: points are made there when the schedule says so, and the policy's\n\
         `retention` says how long they stay. `delay` and a `retention` of its own are options of the further vaults,\n\
         which hold copies.";
    COPIES_TOGETHER = "DRAM0047", "two vaults of a policy fail together",
        "A copy is there for the day on which the other vault is lost. In the same failure domain it is lost on that very\n\
         day, and it does not count in the scenario *site and primary vault lost*.";
    SAME_PLACE = "DRAM0048", "two vaults of a policy are the same place",
        "The two declarations have different names and the same directory, bucket or container with the same prefix. The\n\
         copy would be the original.";
    WRITER_DELETES = "DRAM0049", "whoever writes can also remove",
        "The credentials that write lie where the application runs. Whoever breaks in there has them, too. S3 services can\n\
         give the right to write without the right to delete: leave deletion to `pruneCredentials`, which only `dram prune`\n\
         uses and which may live on another machine.";
    RPO_NOT_MET = "DRAM0050", "the recovery point objective cannot hold",
        "The worst case loses more time than `objectives.rpo` allows. The worst case is the longest gap between two\n\
         firings of the schedule, plus the jitter, plus the time to move what changed in that gap (change rate over\n\
         bandwidth), plus the time to seal the point. Shorten the schedule to what the help line says, raise the bandwidth, or state an\n\
         objective that can hold.";
    MOVE_TOO_SLOW = "DRAM0051", "a point is not sealed before the next one is due",
        "What changes between two firings takes longer to move, to seal and to copy to the further vaults than the time\n\
         between them, so the delay grows without bound. Raise the bandwidth or the interval, or copy to fewer vaults.";
    RTO_NOT_MET = "DRAM0052", "the recovery time objective cannot hold",
        "The worst case takes longer than `objectives.rto` allows: the data has to be moved to the target, then each\n\
         component on the longest chain of `after` starts and gets its whole `startPeriod` and `timeout`. Raise the\n\
         target's bandwidth, shorten the chain or the start periods, or state an objective that can hold.";
    UNPROVEN = "DRAM0053", "an objective is not proved",
        "An input of the proof is missing (a component's `data` hints, a site's `bandwidth`), or firings may pass\n\
         (`missed: skip`), so the verdict rests on the listed assumptions. Give the inputs; `dramc prove --strict` fails until all are there.";
    ADOPTED_FOR_ANOTHER = "DRAM0054", "a vault that adopts a repository is used by another application",
        "A vault with `adopt` is one repository that was there already, and it becomes that of one application: nothing\n\
         else lies there. A policy that uses it protects this application and no other. Give the other applications a\n\
         policy with a vault of their own, or correct the name.";
    EMPTY_WINDOW = "DRAM0060", "a window of no length",
        "A window begins with its `from` and ends before its `to`; where `to` is the earlier of the two, it passes\n\
         midnight. With both the same it could mean the whole day or none of it. Remove the window to have firings all\n\
         day, or say when it ends.";
    TIMEZONE_WITHOUT_EFFECT = "DRAM0061", "a time zone that decides nothing",
        "An interval counts the time that passes, the same in every time zone; `timezone` says whose clock `cron` and\n\
         `window` mean, and this schedule has neither. Remove it, or write the times as `cron`.";
    NEVER_FIRES = "DRAM0062", "a schedule that never fires",
        "No moment of four hundred years is one of its firings: the expression names a day that no year has, such as\n\
         30 February, or the window holds none of its moments. What it says would protect nothing.";
    JITTER_TOO_LONG = "DRAM0063", "a firing that might act after the next one",
        "`jitter` lets a firing act later than the schedule says, by less than the jitter. Where the next firing of the\n\
         policy, of whichever schedule, comes sooner than that, the order of the two would be left open. Shorten the\n\
         jitter to what the help line says.";
    BAD_HOOK = "DRAM0064", "a hook whose parts do not fit together",
        "A hook is about one `component` or about the whole application, and is carried out at the site or where the engine\n\
         runs: `on: component` needs a component, `on: site` has none. `dir` is the folder of a command; a `get` has no body.";
    BAD_GROUP = "DRAM0065", "a consistency group whose members do not fit",
        "A group names components of its own application. Each component is in one group: all groups of an application are\n\
         frozen at the same moment, so two groups that share a member would be one.";
    NOT_QUIESCED = "DRAM0066", "consistency that nothing brings about",
        "A policy with `consistency: application` promises that each point holds data of applications at rest. A dump is a\n\
         transaction of its own; files are not: a hook `at: before-freeze` must bring their component to rest, and one\n\
         `at: after-thaw` let it go on.";
    UNKNOWN_PROFILE = "DRAM0067", "a profile that nobody declares",
        "`profile.use` names a profile that is built in (`dramc profiles` lists them) or that a document `kind: Profile` of\n\
         the given files declares. Correct the name, or give the file that declares it as well. In Terraform only the\n\
         built-in ones can be named.";
    UNKNOWN_PARAMETER = "DRAM0068", "a profile is given what it does not take, or not what it needs",
        "`profile.with` gives the parameters of the profile their values, by name. Correct the name, or add the parameter\n\
         that is required. `dramc profiles NAME` prints a built-in profile with its parameters.";
    WRONG_ARGUMENT = "DRAM0069", "a parameter's value is not of its type",
        "A parameter takes text, an absolute path, lines, a whole number, or `true` or `false`, as its profile says.";
    BAD_PLACEHOLDER = "DRAM0070", "a parameter that cannot stand where it stands",
        "`${name}` in a profile's component stands for the value of one of its `parameters`. In the text of a `shell` the value\n\
         is put between single quotes, so that nothing in it is a command; that holds only where the shell reads a plain\n\
         word: not inside quotes or backticks, not after a backslash, in a here-document or in arithmetic. Assign it to a\n\
         variable first, `name=${name}`, and write \"$name\". A parameter of type `lines` stands for a list or for elements\n\
         of one. A `${` that is meant as it is is written `$${`.";
    BAD_PROFILE = "DRAM0071", "a profile that does not hold together",
        "A parameter is required or has a default, its default is of its type and gives a component that holds, and\n\
         something in the component uses it.";
    BUILT_IN_PROFILE = "DRAM0072", "a profile with the name of a built-in one",
        "Somebody who reads `use: postgres` means the built-in profile. Give yours a name of its own; `dramc profiles NAME`\n\
         prints a built-in one to start from.";
    SAMPLE_WITHOUT_EFFECT = "DRAM0075", "a sample of what is restored whole",
        "`sample` says how much of a point `level: checksum` reads each time. `level: restore` restores all of it: leave the\n\
         sample out, or verify by checksum.";
    SAME_DEVICE = "DRAM0076", "a device that two components name",
        "A restore writes a device when the component that it belongs to was stopped. With two components it would be written\n\
         twice, and once under a component that may run. Name it in one of them; what depends on it says `after`.";
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
