//! What must hold of a vault by itself, and of the vaults of a policy together.

use super::Written;
use super::declared::Declared;
use super::names::Meant;
use crate::calendar::Calendar;
use crate::diagnostic::{Diagnostic, compiler_codes as codes};
use crate::model::{
    Application, Duration, KindName, Lock, ProtectionPolicy, Retention, S3, Spec, Store, Vault, VaultUse,
};
use dram_fields::{Choice, Span, Step};

/// The rules of one declaration.
pub(super) fn alone(document: &Written, spec: &Spec, out: &mut Vec<Diagnostic>) {
    match spec {
        Spec::Vault(vault) => one(document, vault, out),
        Spec::ProtectionPolicy(policy) => first(document, policy, out),
        Spec::Catalog(_)
        | Spec::RecoverySite(_)
        | Spec::Profile(_)
        | Spec::Application(_)
        | Spec::ReplicationPair(_)
        | Spec::RecoveryPlan(_) => {}
    }
}

fn one(document: &Written, vault: &Vault, out: &mut Vec<Diagnostic>) {
    if vault.warn_at.is_some() && vault.capacity.is_none() {
        let message = "`warnAt` is a part of `capacity`, and no `capacity` is given".to_owned();
        out.push(
            document
                .error(codes::WARN_WITHOUT_CAPACITY, vec![Step::Field(Vault::WARN_AT)], message)
                .help("give the `capacity`, or remove `warnAt`"),
        );
    }
    match (&vault.store, &vault.lock) {
        (Store::S3(s3), lock) => credentials(document, s3, lock.is_some(), out),
        (_, None) => {}
        (Store::Directory(_), Some(_)) => no_lock(document, "a directory", out),
        (Store::Swift(_), Some(_)) => no_lock(document, "Swift", out),
    }
}

fn no_lock(document: &Written, store: &str, out: &mut Vec<Diagnostic>) {
    let message = format!("{store} cannot refuse to remove what is locked");
    out.push(
        document
            .error(codes::LOCK_WITHOUT_S3, vec![Step::Field(Vault::LOCK)], message)
            .related(store_of(document), "the store")
            .help("keep the vault in `s3`, in a bucket made with object lock, or remove the lock"),
    );
}

/// Where a vault says what it lies in.
fn store_of(document: &Written) -> Span {
    let mut stores = <Store as Choice>::VARIANTS.iter();
    stores
        .find_map(|field| document.spec.entry(field.name))
        .map_or(document.spec.span, |entry| entry.span())
}

/// Whoever breaks into the site has the writer's credentials: they should not be able to remove points.
fn credentials(document: &Written, s3: &S3, locked: bool, out: &mut Vec<Diagnostic>) {
    let at = |field| vec![Step::Field(Store::S3_FIELD), Step::Field(field)];
    let mut warn = |path: Vec<Step>, message: &str, (place, there): (Vec<Step>, &str), help: &str| {
        let span = document.spec.at(&path);
        let finding = Diagnostic::warning(codes::WRITER_DELETES, span, message).path(path);
        out.push(finding.related(document.spec.at(&place), there).help(help));
    };
    match &s3.prune_credentials {
        Some(prune) if s3.credentials.as_ref() == Some(prune) => warn(
            at(S3::PRUNE_CREDENTIALS),
            "`pruneCredentials` are those of `credentials`: whoever writes can also remove",
            (at(S3::CREDENTIALS), "the same"),
            "give credentials of their own, and take the right to delete from those of `credentials`",
        ),
        None if locked => warn(
            vec![Step::Field(Store::S3_FIELD)],
            "without `pruneCredentials` whoever writes can also remove what is not locked any more",
            (vec![Step::Field(Vault::LOCK)], "the lock"),
            "give `pruneCredentials`, and take the right to delete from those of `credentials`",
        ),
        Some(_) | None => {}
    }
}

/// The first vault is where points are made: it waits for nothing, and the policy's retention is its own.
fn first(document: &Written, policy: &ProtectionPolicy, out: &mut Vec<Diagnostic>) {
    let Some(first) = policy.vaults.first() else { return };
    let given = [
        (
            first.delay.is_some(),
            VaultUse::DELAY,
            "points are made there, not copied",
            "remove it",
        ),
        (
            first.retention.is_some(),
            VaultUse::RETENTION,
            "the policy's `retention` is that of its first vault",
            "move it to the policy's `retention`, or remove it",
        ),
    ];
    for (_, field, why, way_out) in given.into_iter().filter(|(given, ..)| *given) {
        let path = vec![
            Step::Field(ProtectionPolicy::VAULTS),
            Step::Index(0),
            Step::Field(field),
        ];
        let message = format!("the first vault takes no `{}`: {why}", field.name);
        out.push(document.error(codes::FIRST_VAULT, path, message).help(way_out));
    }
}

/// The rules between the vaults of each policy.
pub(super) fn together(declared: &Declared<'_>, documents: &[Written], out: &mut Vec<Diagnostic>) {
    for document in documents {
        let policy = match document.declaration.as_ref().map(|declaration| &declaration.spec) {
            Some(Spec::ProtectionPolicy(policy)) => policy,
            Some(Spec::Application(application)) => {
                adopted_for_it(declared, document, application, out);
                continue;
            }
            _ => continue,
        };
        apart(declared, document, policy, out);
        adopted_for_somebody(declared, document, policy, out);
        for (index, used) in policy.vaults.iter().enumerate() {
            if let Some((vault_document, vault)) = declared.vault(&used.name)
                && let Some(lock) = &vault.lock
            {
                covered(document, policy, index, used, lock, vault_document, out);
            }
        }
    }
}

/// A repository that is adopted is that of one application.
fn adopted_for_it(declared: &Declared<'_>, document: &Written, application: &Application, out: &mut Vec<Diagnostic>) {
    let (Some(name), Some((policy_document, policy))) = (&document.name, declared.policy_of(document, application))
    else {
        return;
    };
    for (index, used) in policy.vaults.iter().enumerate() {
        let Some((vault_document, vault)) = declared.vault(&used.name) else {
            continue;
        };
        let Some(adopts) = vault.adopt.as_ref().filter(|adopts| *adopts != name) else {
            continue;
        };
        // A name that nobody has is said at the vault, once.
        if !declared.names(KindName::Application).contains(adopts.as_ref()) {
            continue;
        }
        let message = format!(
            "application `{name}` cannot lie in vault `{}`, which adopts a repository for application `{adopts}`",
            used.name
        );
        out.push(
            document
                .error(
                    codes::ADOPTED_FOR_ANOTHER,
                    vec![Step::Field(Application::POLICY)],
                    message,
                )
                .related(policy_document.spec.at(&use_of(index)), "the vault is chosen here")
                .related(
                    vault_document.spec.at(&[Step::Field(Vault::ADOPT)]),
                    "whom it adopts for",
                )
                .help("give the application a policy with another vault"),
        );
    }
}

/// Who adopts is declared, as soon as somebody uses the vault.
fn adopted_for_somebody(
    declared: &Declared<'_>,
    document: &Written,
    policy: &ProtectionPolicy,
    out: &mut Vec<Diagnostic>,
) {
    for (index, used) in policy.vaults.iter().enumerate() {
        let Some((vault_document, vault)) = declared.vault(&used.name) else {
            continue;
        };
        let names = declared.names(KindName::Application);
        let Some(adopts) = vault.adopt.as_ref().filter(|adopts| !names.contains(adopts.as_ref())) else {
            continue;
        };
        let message = format!(
            "vault `{}` adopts a repository for application `{adopts}`, which is not declared",
            used.name
        );
        let help = if names.is_empty() {
            "declare it: no Application is declared".to_owned()
        } else {
            Meant::of(adopts, &names).help("declared are")
        };
        out.push(
            document
                .error(codes::ADOPTED_FOR_ANOTHER, use_of(index), message)
                .related(vault_document.spec.at(&[Step::Field(Vault::ADOPT)]), "the name")
                .help(help),
        );
    }
}

/// The path to the name of a policy's vault.
fn use_of(index: usize) -> Vec<Step> {
    vec![
        Step::Field(ProtectionPolicy::VAULTS),
        Step::Index(index),
        Step::Field(VaultUse::NAME),
    ]
}

/// A copy is lost together with what it is a copy of when both lie in one place or fail with one cause.
fn apart(declared: &Declared<'_>, document: &Written, policy: &ProtectionPolicy, out: &mut Vec<Diagnostic>) {
    for (index, used) in policy.vaults.iter().enumerate() {
        let Some((vault_document, vault)) = declared.vault(&used.name) else {
            continue;
        };
        // The first that it shares something with: of more, the others are said at them.
        let earlier = policy.vaults.iter().take(index).find_map(|other| {
            let (document, earlier) = declared.vault(&other.name)?;
            let same_place = same_place(&vault.store, &earlier.store);
            (same_place || vault.failure_domain == earlier.failure_domain).then_some((other, document, same_place))
        });
        let Some((other, other_document, same_place)) = earlier else {
            continue;
        };
        let domain = [Step::Field(Vault::FAILURE_DOMAIN)];
        let path = use_of(index);
        if same_place {
            let message = format!("vaults `{}` and `{}` are the same place", other.name, used.name);
            out.push(
                document
                    .error(codes::SAME_PLACE, path, message)
                    .related(store_of(other_document), format!("the place of `{}`", other.name))
                    .related(store_of(vault_document), format!("the place of `{}`", used.name))
                    .help("a copy lies somewhere else: correct one of the two vaults, or use one"),
            );
        } else {
            let message = format!(
                "vault `{}` is lost together with vault `{}`: both fail with `{}`",
                used.name, other.name, vault.failure_domain
            );
            let span = document.spec.at(&path);
            out.push(
                Diagnostic::warning(codes::COPIES_TOGETHER, span, message)
                    .path(path)
                    .related(
                        other_document.spec.at(&domain),
                        format!("the failure domain of `{}`", other.name),
                    )
                    .related(
                        vault_document.spec.at(&domain),
                        format!("the failure domain of `{}`", used.name),
                    )
                    .help("keep the copy in another failure domain"),
            );
        }
    }
}

fn same_place(one: &Store, other: &Store) -> bool {
    match (one, other) {
        (Store::Directory(one), Store::Directory(other)) => one == other,
        (Store::S3(one), Store::S3(other)) => {
            (&one.bucket, &one.prefix, &one.endpoint) == (&other.bucket, &other.prefix, &other.endpoint)
        }
        (Store::Swift(one), Store::Swift(other)) => one == other,
        (Store::Directory(_) | Store::S3(_) | Store::Swift(_), _) => false,
    }
}

/// Space of a point that retention lets go comes back when its lock has expired.
fn covered(
    document: &Written,
    policy: &ProtectionPolicy,
    index: usize,
    used: &VaultUse,
    lock: &Lock,
    vault: &Written,
    out: &mut Vec<Diagnostic>,
) {
    let own = [
        Step::Field(ProtectionPolicy::VAULTS),
        Step::Index(index),
        Step::Field(VaultUse::RETENTION),
    ];
    let (retention, path): (&Retention, Vec<Step>) = match (&used.retention, &policy.retention) {
        (Some(retention), _) => (retention, own.into()),
        (None, Some(retention)) => (retention, vec![Step::Field(ProtectionPolicy::RETENTION)]),
        // Every point is kept.
        (None, None) => return,
    };
    let kept = kept_for(policy, retention);
    if kept >= lock.period {
        return;
    }
    let message = format!(
        "points leave vault `{}` after {kept} at most and stay locked for {}: their space comes back only then",
        used.name, lock.period
    );
    let span = document.spec.at(&path);
    out.push(
        Diagnostic::warning(codes::LOCK_OUTLIVES_RETENTION, span, message)
            .path(path)
            .related(vault.spec.at(&[Step::Field(Vault::LOCK)]), "the lock")
            .help(format!(
                "keep points for {} or longer, or shorten the lock",
                lock.period
            )),
    );
}

/// Seconds of a day.
const DAY: u64 = 86_400;

/// The longest that the rules keep a point that nobody verified.
fn kept_for(policy: &ProtectionPolicy, retention: &Retention) -> Duration {
    let rhythm = Calendar::of(&policy.schedule).and_then(|calendar| calendar.rhythm());
    // A derived interval is shorter than the objective.
    let gap = rhythm.map_or(policy.objectives.rpo.seconds, |rhythm| rhythm.longest.seconds());
    // Where points are rarer than stretches of the calendar, each point has a stretch to itself.
    let rules = [
        (retention.last, 0),
        (retention.hourly, 3600),
        (retention.daily, DAY),
        (retention.weekly, 7 * DAY),
        (retention.monthly, 31 * DAY),
        (retention.yearly, 366 * DAY),
    ];
    let longest = rules
        .map(|(count, stretch)| gap.max(stretch).saturating_mul(u64::from(count.unwrap_or(0))))
        .into_iter()
        .max();
    let within = retention.within.map_or(0, |within| within.seconds);
    Duration::seconds(longest.unwrap_or(0).max(within))
}
