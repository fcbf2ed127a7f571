//! Commands that bring something back.

use super::{ATTESTED, Context, Done, pick};
use crate::cli::arguments::{OwnerArguments, RecoverArguments, RestoreArguments};
use crate::cli::lines::{ChangeLine, ChangesLine, Counted};
use crate::cli::progress::{Show, bytes};
use crate::cli::who;
use crate::engine::{Ask, Preview, RecoverRequest, RestoreRequest, Watch, Where, recover, recover_preview};
use crate::error::Error;
use crate::exit::Exit;
use crate::vault::{AccountKind, Accounts, Aspect, Change, Fate, OwnerRule, Owners};
use std::path::PathBuf;

/// So many entries of a kind are named to a person.
const NAMED: usize = 10;

impl Context<'_> {
    pub(super) fn restore(&self, arguments: RestoreArguments) -> Done {
        let dry_run = arguments.dry_run;
        let request = RestoreRequest {
            application: arguments.application,
            point: pick(&arguments.point)?,
            from: arguments.from,
            as_of: arguments.as_of,
            to: match (arguments.to, arguments.into) {
                (Some(site), _) => Where::Site(site),
                // An engine that is asked has another folder to start from.
                (None, Some(directory)) => Where::Directory(absolute(directory)?),
                (None, None) => Where::Active,
            },
            components: arguments.component,
            items: arguments.item,
            paths: arguments.path,
            owners: owners(&arguments.owners)?,
            overwrite: arguments.overwrite,
            attested: arguments.attest_source_stopped.then(|| ATTESTED.to_owned()),
        };
        if arguments.ask.request {
            return self.ask(&Ask::Restore(Box::new(request)), &arguments.ask);
        }
        let engine = self.engine()?;
        if dry_run {
            return self.preview(request.overwrite, |told| engine.preview(&request, self.cancel, told));
        }
        let show = Show::new(self.output);
        let runbook = engine.restore(&request, &Watch::new(&show, self.cancel))?;
        Ok(self.finished(&runbook, false))
    }

    pub(super) fn recover(&self, arguments: RecoverArguments) -> Done {
        let request = RecoverRequest {
            application: arguments.application,
            tenant: self.global.tenant.clone(),
            vault: arguments.vault,
            password_file: arguments.password_file,
            into: arguments.into,
            point: pick(&arguments.point)?,
            as_of: arguments.as_of,
            attested: arguments.attest_source_stopped.then(|| ATTESTED.to_owned()),
            overwrite: arguments.overwrite,
            owners: owners(&arguments.owners)?,
            who: who(),
        };
        if arguments.dry_run {
            return self.preview(request.overwrite, |told| recover_preview(&request, self.cancel, told));
        }
        let show = Show::new(self.output);
        let runbook = recover(&request, &Watch::new(&show, self.cancel))?;
        Ok(self.finished(&runbook, false))
    }

    /// Prints the steps and what they would change: every entry for a program, the first ones of each kind for a person.
    fn preview(
        &self,
        overwrite: bool,
        look: impl FnOnce(&mut dyn FnMut(Preview<'_>)) -> Result<Vec<String>, Error>,
    ) -> Done {
        let mut kinds: [Kind; 6] = KINDS.map(Kind::new);
        let notes = look(&mut |told| match told {
            Preview::Steps(runbook) => self.output.one(runbook, runbook.to_text().trim_end()),
            Preview::Change(item, change) => {
                if self.output.json {
                    let event = "change";
                    let line = ChangeLine {
                        event,
                        item,
                        change: &change,
                    };
                    self.output.one(&line, "");
                }
                if let Some(kind) = kinds.iter_mut().find(|kind| kind.word == word(&change.fate)) {
                    kind.add(change);
                }
            }
        })?;
        if self.output.json {
            let counts = kinds.iter().map(|kind| {
                let counted = Counted {
                    entries: kind.entries,
                    bytes: kind.bytes,
                };
                (kind.word, counted)
            });
            let line = ChangesLine {
                event: "changes",
                counts: counts.collect(),
            };
            self.output.one(&line, "");
        } else {
            for kind in kinds.iter().filter(|kind| kind.entries > 0) {
                self.output.line(&kind.text());
            }
        }
        for note in &notes {
            self.output.note(note);
        }
        let differs = |kind: &&Kind| matches!(kind.word, "content" | "metadata") && kind.entries > 0;
        if !overwrite && kinds.iter().any(|kind| differs(&kind)) {
            self.output
                .note("what differs is replaced only with `--overwrite`; without it the restore refuses before it writes anything");
        }
        Ok(Exit::Done)
    }
}

/// The words for what can become of an entry, in the order in which they are told, with what they mean.
const KINDS: [(&str, &str); 6] = [
    ("new", "would be made"),
    ("content", "would get the content of the point"),
    ("metadata", "would get the metadata of the point"),
    ("same", "would not be touched: equal"),
    ("stays", "there and not in what is restored: would stay"),
    ("in-the-way", "in the way: the restore would be refused"),
];

const fn word(fate: &Fate) -> &'static str {
    match fate {
        Fate::New => "new",
        Fate::Content => "content",
        Fate::Metadata(_) => "metadata",
        Fate::Same => "same",
        Fate::Stays => "stays",
        Fate::InTheWay => "in-the-way",
    }
}

/// What has been told of one kind.
struct Kind {
    word: &'static str,
    meaning: &'static str,
    entries: u64,
    bytes: u64,
    /// The first ones.
    named: Vec<(PathBuf, String)>,
}

impl Kind {
    const fn new((word, meaning): (&'static str, &'static str)) -> Self {
        Self {
            word,
            meaning,
            entries: 0,
            bytes: 0,
            named: Vec::new(),
        }
    }

    fn add(&mut self, change: Change) {
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(change.bytes);
        // What stays as it is needs no names.
        if self.named.len() < NAMED && change.fate != Fate::Same {
            let of = match &change.fate {
                Fate::Metadata(aspects) => aspects.iter().map(|aspect| aspect_word(*aspect)).collect(),
                _ => Vec::new(),
            };
            self.named.push((change.path, of.join(", ")));
        }
    }

    fn text(&self) -> String {
        let mut text = format!("{} {}", self.entries, self.meaning);
        if self.bytes > 0 {
            text.push_str(&format!(" ({})", bytes(self.bytes)));
        }
        for (path, of) in &self.named {
            // Names of files are other people's: a terminal finds nothing to obey in them.
            let shown = path.to_string_lossy().escape_debug().to_string();
            let of = if of.is_empty() {
                String::new()
            } else {
                format!("  ({of})")
            };
            text.push_str(&format!("\n  {shown}{of}"));
        }
        let more = self.entries - u64::try_from(self.named.len()).unwrap_or(0);
        if more > 0 && !self.named.is_empty() {
            text.push_str(&format!("\n  and {more} more"));
        }
        text
    }
}

pub(super) const fn aspect_word(aspect: Aspect) -> &'static str {
    match aspect {
        Aspect::Owner => "owner",
        Aspect::Mode => "mode",
        Aspect::Attributes => "attributes",
        Aspect::Times => "times",
        Aspect::Names => "other names",
    }
}

fn absolute(directory: PathBuf) -> Result<PathBuf, Error> {
    std::path::absolute(&directory).map_err(|source| Error::File {
        what: "use",
        path: directory.display().to_string(),
        source,
    })
}

fn owners(arguments: &OwnerArguments) -> Result<Owners, Error> {
    let rules = |kind, texts: &[String]| {
        let accounts = Accounts::of_this_machine(kind);
        texts.iter().map(|text| rule(kind, &accounts, text)).collect()
    };
    let users: Result<Vec<OwnerRule>, Error> = rules(AccountKind::User, &arguments.owner_map);
    let groups: Result<Vec<OwnerRule>, Error> = rules(AccountKind::Group, &arguments.group_map);
    Ok(Owners {
        by_name: arguments.ownership_by_name,
        users: users?,
        groups: groups?,
    })
}

/// One `FROM=TO`; a number that no account has is one all the same.
fn rule(kind: AccountKind, accounts: &Accounts, text: &str) -> Result<OwnerRule, Error> {
    let what = match kind {
        AccountKind::User => "user",
        AccountKind::Group => "group",
    };
    let Some((from, to)) = text
        .split_once('=')
        .filter(|(from, to)| !from.is_empty() && !to.is_empty())
    else {
        return Err(Error::Usage {
            why: format!("`{text}` does not say who becomes whom"),
            help: "write `FROM=TO`, each a name or a number: `postgres=115`".to_owned(),
        });
    };
    match accounts.id(to).or_else(|| to.parse().ok()) {
        Some(to) => Ok(OwnerRule {
            from: from.to_owned(),
            to,
        }),
        None => Err(Error::Usage {
            why: format!("this machine has no {what} `{to}`"),
            help: format!("make the {what} first, or say its number"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_becomes_whom_is_a_name_or_a_number() {
        let accounts = Accounts::of_this_machine(AccountKind::User);
        let said = |text: &str| {
            rule(AccountKind::User, &accounts, text)
                .map(|rule| (rule.from, rule.to))
                .map_err(|error| error.to_string())
        };
        assert_eq!(said("postgres=root"), Ok(("postgres".to_owned(), 0)));
        assert_eq!(said("113=40000"), Ok(("113".to_owned(), 40000)));
        assert_eq!(
            said("113=nobody-of-this-name"),
            Err("this machine has no user `nobody-of-this-name`".to_owned())
        );
        for text in ["postgres", "=root", "postgres="] {
            assert_eq!(said(text), Err(format!("`{text}` does not say who becomes whom")));
        }
    }
}
