//! What each command does.

mod control;
mod declare;
mod diff;
mod kit;
mod restore;
mod show;

use super::arguments::{Arguments, CatalogCommand, Class, Command, Global, Level};
use super::lines::{self, AdoptLine, ServeLine};
use super::output::Output;
use super::progress::{Show, bytes};
use super::{Done, who};
use crate::engine::{
    self, Answer, Ask, Engine, MarkRequest, Pick, ProtectRequest, PruneRequest, Serve, Source, Told, Watch,
};
use crate::error::Error;
use crate::exit::Exit;
use crate::runbook::Runbook;
use crate::vault::{self, Cancel};
use clap::CommandFactory;
use dram_compiler::model::Percent;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// A serving engine tries again so long after a failure, at first.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
/// What a person says with `--attest-source-stopped`.
const ATTESTED: &str = "a person attested that the application no longer runs where it was active";

pub(crate) fn run(arguments: Arguments, output: &Output, cancel: &Cancel) -> Done {
    let Arguments { global, command } = arguments;
    let context = Context {
        global: &global,
        output,
        cancel,
    };
    match command {
        Command::Apply {
            files,
            dry_run,
            take_over,
            prune,
        } => context.apply(&files, dry_run, take_over, prune),
        Command::Reconcile { kind, name } => context.reconcile(kind.as_deref(), name.as_deref()),
        Command::Status { application, follow } => context.status(application.as_deref(), follow),
        Command::Protect {
            application,
            component,
            class,
            dry_run,
            ask,
        } => {
            let request = ProtectRequest {
                application,
                components: component,
                class: match class {
                    Class::Scheduled => vault::Class::Scheduled,
                    Class::Manual => vault::Class::Manual,
                },
                dry_run,
                firing: None,
            };
            match ask.request {
                true => context.ask(&Ask::Protect(request), &ask),
                false => context.protect(&request),
            }
        }
        Command::Points {
            application,
            from,
            as_of,
            vault,
            password_file,
        } => {
            let vault = vault.as_deref().zip(password_file.as_deref());
            context.points(application.as_deref(), from.as_deref(), as_of, vault)
        }
        Command::Ls {
            point,
            path,
            from,
            as_of,
            recursive,
        } => {
            let vault = from.as_deref();
            context.list(&point, &path, recursive, Source { vault, as_of })
        }
        Command::Diff(arguments) => context.diff(arguments),
        Command::Cat {
            point,
            path,
            from,
            as_of,
        } => {
            let vault = from.as_deref();
            context
                .engine()?
                .cat(&point, &path, Source { vault, as_of }, &mut std::io::stdout().lock())
                .map(|()| Exit::Done)
        }
        Command::Verify {
            what,
            from,
            level,
            sample,
        } => context.verify(&what, from.as_deref(), level, sample),
        Command::Restore(arguments) => context.restore(arguments),
        Command::Recover(arguments) => context.recover(arguments),
        Command::Resume { run } => {
            let show = Show::new(output);
            let runbook = context.engine()?.resume(&run, &Watch::new(&show, cancel))?;
            Ok(context.finished(&runbook, false))
        }
        Command::Runs { most } => context.runs(most),
        Command::Pause { run } => context.pause(&run),
        Command::Cancel { run } => context.cancel_run(&run),
        Command::Log { run, follow } => context.log(&run, follow),
        Command::Copy { application, ask, .. } if ask.request => context.ask(&Ask::Copy { application }, &ask),
        Command::Copy {
            application, dry_run, ..
        } => {
            let show = Show::new(output);
            let runbook = context
                .engine()?
                .copy(&application, dry_run, &Watch::new(&show, cancel))?;
            if dry_run {
                context.finished(&runbook, true);
            }
            Ok(Exit::Done)
        }
        Command::Prune {
            application,
            vault,
            dry_run,
            acknowledge,
            discard,
        } => context.prune(&PruneRequest {
            application,
            vault,
            dry_run,
            acknowledged: acknowledge,
            discard,
        }),
        Command::Hold {
            point,
            reason,
            until,
            release: _,
            vault,
        } => {
            let statement = match reason {
                Some(reason) => vault::Statement::Held {
                    reason,
                    until: until.as_deref().map(moment).transpose()?,
                },
                None => vault::Statement::Released,
            };
            context.mark(&MarkRequest {
                point,
                vault,
                statement,
            })
        }
        Command::Quarantine {
            point,
            reason,
            lift: _,
            vault,
        } => {
            let statement = match reason {
                Some(reason) => vault::Statement::Quarantined { reason },
                None => vault::Statement::Cleared,
            };
            context.mark(&MarkRequest {
                point,
                vault,
                statement,
            })
        }
        Command::Attest {
            point,
            level,
            reason,
            vault,
        } => context.mark(&MarkRequest {
            point,
            vault,
            statement: vault::Statement::Verified {
                level: level.as_str().to_owned(),
                reason: Some(reason),
            },
        }),
        // It never comes here: it needs nothing of what was set up.
        Command::Freezer => Ok(Exit::Done),
        Command::Serve { name, at_once } => context.serve(name, at_once),
        Command::Adopt { application } => {
            let (epoch, site) = context.engine()?.adopt(&application)?;
            let text = format!("application {application} runs at {site} under epoch {epoch}");
            let line = AdoptLine {
                application: &application,
                epoch,
                site,
            };
            output.one(&line, &text);
            Ok(Exit::Done)
        }
        Command::Catalog {
            command: CatalogCommand::Init,
        } => context.catalog_init(),
        Command::Catalog {
            command: CatalogCommand::Check,
        } => context.catalog_check(),
        Command::Catalog {
            command: CatalogCommand::Compact,
        } => context.catalog_compact(),
        Command::Catalog {
            command: CatalogCommand::Rebuild { vault, password_file },
        } => context.rebuild(&vault, &password_file),
        Command::Kit(arguments) => context.kit(&arguments),
        Command::Doctor => {
            let findings = context.engine()?.doctor()?;
            context.findings(&findings);
            Ok(if findings.iter().any(|finding| finding.answer == Answer::Bad) {
                Exit::Failed
            } else {
                Exit::Done
            })
        }
        Command::Schema => {
            let text = serde_json::to_string_pretty(&lines::schema()).unwrap_or_default();
            output.line(&text);
            Ok(Exit::Done)
        }
        Command::Man { directory } => {
            let written = clap_mangen::generate_to(Arguments::command(), &directory);
            written.map(|()| Exit::Done).map_err(|source| Error::File {
                what: "write manual pages into",
                path: directory.display().to_string(),
                source,
            })
        }
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "dram", &mut text);
            output.line(String::from_utf8_lossy(&text).trim_end());
            Ok(Exit::Done)
        }
    }
}

fn pick(text: &str) -> Result<Pick, Error> {
    text.parse().map_err(|why| Error::Usage {
        why,
        help: "`dram points APP` lists what there is".to_owned(),
    })
}

/// A time, or a distance from now.
fn moment(text: &str) -> Result<Timestamp, Error> {
    let now = Timestamp::now();
    let ahead = |distance: dram_compiler::model::Duration| {
        let seconds = i64::try_from(distance.seconds).unwrap_or(i64::MAX);
        now.checked_add(SignedDuration::from_secs(seconds)).ok()
    };
    let found = match text.parse() {
        Ok(distance) => ahead(distance),
        Err(_) => text.parse().ok(),
    };
    match found {
        Some(time) if time > now => Ok(time),
        Some(time) => Err(Error::Usage {
            why: format!("`{time}` is past"),
            help: "say a time to come, or how long: 90d".to_owned(),
        }),
        None => Err(Error::Usage {
            why: format!("`{text}` is neither a time such as `2026-03-01T08:00:00Z` nor a duration such as `90d`"),
            help: "say until when the point is held, or nothing: then it is held for good".to_owned(),
        }),
    }
}

struct Context<'a> {
    global: &'a Global,
    output: &'a Output,
    cancel: &'a Cancel,
}

impl Context<'_> {
    fn url(&self) -> Result<&str, Error> {
        self.global.catalog.as_deref().ok_or_else(|| Error::Usage {
            why: "no catalog is named".to_owned(),
            help: "give `--catalog URL`, or set DRAM_CATALOG".to_owned(),
        })
    }

    fn engine(&self) -> Result<Engine, Error> {
        Engine::open(self.url()?, &self.global.tenant, &who())
    }

    fn protect(&self, request: &ProtectRequest) -> Done {
        let show = Show::new(self.output);
        let runbook = self.engine()?.protect(request, &Watch::new(&show, self.cancel))?;
        Ok(self.finished(&runbook, request.dry_run))
    }

    /// The runbook of a dry run; of a real one its point, which scripts go on with.
    fn finished(&self, runbook: &Runbook, dry_run: bool) -> Exit {
        if dry_run {
            self.output.one(runbook, runbook.to_text().trim_end());
        } else if !self.output.json {
            self.output.line(&runbook.point);
        }
        Exit::Done
    }

    fn verify(&self, what: &str, from: Option<&str>, level: Level, sample: Option<Percent>) -> Done {
        if sample.is_some() && level == Level::Restore {
            return Err(Error::Usage {
                why: "a sample has no effect where a point is restored".to_owned(),
                help: "leave `--sample` out, or say `--level checksum`".to_owned(),
            });
        }
        // Another part each day.
        let day = Timestamp::now().as_second().unsigned_abs() / (24 * 60 * 60);
        let sample = sample.map(|percent| vault::Sample::of(percent.get(), day));
        let show = Show::new(self.output);
        let level = match level {
            Level::Checksum => engine::Level::Checksum,
            Level::Restore => engine::Level::Restore,
        };
        let verified = self
            .engine()?
            .verify_some(what, from, level, sample, &Watch::new(&show, self.cancel))?;
        for note in verified.damages.iter().chain(&verified.note) {
            self.output.note(note);
        }
        let text = if verified.damages.is_empty() {
            let whole = if sample.is_some() {
                "shows no damage"
            } else {
                "is whole"
            };
            format!(
                "point {} {whole}: {} read by {}",
                verified.point,
                bytes(verified.bytes),
                verified.level
            )
        } else {
            format!("point {} is damaged", verified.point)
        };
        self.output.one(&verified, &text);
        Ok(match (verified.damages.is_empty(), &verified.note) {
            (true, None) => Exit::Done,
            (true, Some(_)) => Exit::Partial,
            (false, _) => Exit::Failed,
        })
    }

    fn serve(&self, name: Option<String>, at_once: usize) -> Done {
        let host = rustix::system::uname().nodename().to_string_lossy().to_lowercase();
        let host = host.split('.').next().unwrap_or_default().to_owned();
        let name = name.unwrap_or_else(|| if host.is_empty() { "engine".to_owned() } else { host });
        let tell = |told: &Told| {
            if self.output.json {
                self.output.one(
                    &ServeLine {
                        at: Timestamp::now(),
                        told,
                    },
                    "",
                );
            } else {
                // The journal has the time of each line; a terminal has none.
                let time = if self.output.terminal {
                    format!("{:.0}  ", Timestamp::now())
                } else {
                    String::new()
                };
                self.output.line(&format!("{time}{told}"));
            }
        };
        let what = Serve {
            name,
            at_once,
            first_pause: FIRST_PAUSE,
        };
        self.engine()?.serve(&what, &tell, self.cancel)?;
        Ok(Exit::Done)
    }

    fn mark(&self, request: &MarkRequest) -> Done {
        let marked = self.engine()?.mark(request)?;
        for one in &marked {
            let text = match &one.statement {
                vault::Statement::Held { reason, until: None } => format!("is held: {reason}"),
                vault::Statement::Held {
                    reason,
                    until: Some(until),
                } => format!("is held until {until}: {reason}"),
                vault::Statement::Released => "is not held".to_owned(),
                vault::Statement::Quarantined { reason } => format!("is quarantined: {reason}"),
                vault::Statement::Verified { level, .. } => format!("counts as verified ({level}), as you attest"),
                _ => "is not quarantined".to_owned(),
            };
            let text = match &one.failed {
                None => format!("vault {}: point {} {text}", one.vault, one.point),
                Some(why) => format!("vault {} could not be told about point {}: {why}", one.vault, one.point),
            };
            self.output.one(one, &text);
        }
        if marked.iter().any(|one| one.failed.is_some()) {
            return Ok(Exit::Partial);
        }
        Ok(Exit::Done)
    }

    fn prune(&self, request: &PruneRequest) -> Done {
        let show = Show::new(self.output);
        let reports = self.engine()?.prune(request, &Watch::new(&show, self.cancel))?;
        let verb = if request.dry_run { "would go" } else { "removed" };
        for report in &reports {
            if let Some(why) = &report.away {
                self.output
                    .note(&format!("vault {} could not be asked: {why}", report.vault));
                continue;
            }
            if !report.retention {
                let text = format!("no retention holds in vault {}: every point is kept", report.vault);
                self.output.note(&text);
            }
            let (stay, go) = (report.kept.len(), report.removed.len());
            let mut text = format!("vault {}: {stay} points stay, {go} {verb}", report.vault);
            for (point, because) in &report.kept {
                text.push_str(&format!("\n  stays {point}: {because}"));
            }
            for point in &report.removed {
                let because = match request.discard.contains(point) {
                    true => "it is to be discarded",
                    false => "nothing in the retention keeps it",
                };
                text.push_str(&format!("\n  {verb} {point}: {because}"));
            }
            if let Some(why) = &report.failed {
                self.output
                    .note(&format!("vault {} could not be pruned to the end: {why}", report.vault));
            }
            self.output.one(report, &text);
        }
        if reports
            .iter()
            .any(|report| report.away.is_some() || report.failed.is_some())
        {
            return Ok(Exit::Partial);
        }
        Ok(Exit::Done)
    }
}
