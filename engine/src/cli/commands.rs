//! What each command does.

use super::arguments::{Arguments, CatalogCommand, Class, Command, Global, Level};
use super::output::Output;
use super::progress::{Show, bytes};
use super::{Done, models, who};
use crate::engine::{
    self, Answer, Apply, Engine, Finding, Pick, ProtectRequest, PruneRequest, RecoverRequest, RestoreRequest, Watch,
    Where, parse_url, recover, vault_points,
};
use crate::error::Error;
use crate::exit::Exit;
use crate::runbook::Runbook;
use crate::vault::{self, Cancel, EntryKind};
use clap::CommandFactory;
use dram_catalog::store::Verdict;
use dram_catalog::{Catalog, Initialised};
use dram_compiler::check::{Checked, check};
use dram_compiler::diagnostic;
use dram_compiler::model::KindName;
use dram_compiler::prove::prove;
use std::path::{Path, PathBuf};

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
        Command::Status { application } => context.status(application.as_deref()),
        Command::Protect {
            application,
            component,
            class,
            dry_run,
        } => context.protect(&ProtectRequest {
            application,
            components: component,
            class: match class {
                Class::Scheduled => vault::Class::Scheduled,
                Class::Manual => vault::Class::Manual,
            },
            dry_run,
        }),
        Command::Points {
            application,
            vault,
            password_file,
        } => context.points(application.as_deref(), vault.as_deref().zip(password_file.as_deref())),
        Command::Ls { point, path, recursive } => context.list(&point, &path, recursive),
        Command::Cat { point, path } => context
            .engine()?
            .cat(&point, &path, &mut std::io::stdout().lock())
            .map(|()| Exit::Done),
        Command::Verify { what, level } => context.verify(&what, level),
        Command::Restore {
            application,
            point,
            to,
            into,
            component,
            path,
            overwrite,
            attest_source_stopped,
            dry_run,
        } => context.restore(&RestoreRequest {
            application,
            point: pick(&point)?,
            to: match (to, into) {
                (Some(site), _) => Where::Site(site),
                (None, Some(directory)) => Where::Directory(directory),
                (None, None) => Where::Active,
            },
            components: component,
            path,
            overwrite,
            attested: attest_source_stopped.then(|| ATTESTED.to_owned()),
            dry_run,
        }),
        Command::Recover {
            application,
            vault,
            password_file,
            into,
            point,
            overwrite,
            attest_source_stopped,
            dry_run,
        } => {
            let request = RecoverRequest {
                application,
                tenant: global.tenant.clone(),
                vault,
                password_file,
                into,
                point: pick(&point)?,
                attested: attest_source_stopped.then(|| ATTESTED.to_owned()),
                overwrite,
                who: who(),
                dry_run,
            };
            let show = Show::new(output);
            let runbook = recover(
                &request,
                &Watch {
                    observer: &show,
                    cancel: cancel.clone(),
                },
            )?;
            context.finished(&runbook, dry_run);
            Ok(Exit::Done)
        }
        Command::Resume { run } => {
            let show = Show::new(output);
            let runbook = context.engine()?.resume(
                &run,
                &Watch {
                    observer: &show,
                    cancel: cancel.clone(),
                },
            )?;
            context.finished(&runbook, false);
            Ok(Exit::Done)
        }
        Command::Runs { most } => context.runs(most),
        Command::Log { run } => {
            let log = context.engine()?.run_log(&run)?;
            output.line(String::from_utf8_lossy(&log).trim_end());
            Ok(Exit::Done)
        }
        Command::Prune {
            application,
            dry_run,
            acknowledge,
        } => context.prune(&PruneRequest {
            application,
            dry_run,
            acknowledged: acknowledge,
        }),
        Command::Adopt { application } => {
            let (epoch, site) = context.engine()?.adopt(&application)?;
            output.one(
                &serde_json::json!({"application": application, "epoch": epoch, "site": site}),
                &format!("application {application} runs at {site} under epoch {epoch}"),
            );
            Ok(Exit::Done)
        }
        Command::Catalog {
            command: CatalogCommand::Init,
        } => context.catalog_init(),
        Command::Catalog {
            command: CatalogCommand::Rebuild { vault, password_file },
        } => context.rebuild(&vault, &password_file),
        Command::Doctor => {
            let findings = context.engine()?.doctor()?;
            context.findings(&findings);
            Ok(if findings.iter().any(|finding| finding.answer == Answer::Bad) {
                Exit::Failed
            } else {
                Exit::Done
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

    fn apply(&self, files: &[PathBuf], dry_run: bool, take_over: bool, prune: bool) -> Done {
        let sources = models::read(files)?;
        let Checked { model, diagnostics } = check(&sources);
        eprint!("{}", diagnostic::render(&sources, &diagnostics, self.output.color));
        let Some(model) = model else { return Ok(Exit::Failed) };
        let report = prove(&model);
        eprint!(
            "{}",
            diagnostic::render(&sources, &report.diagnostics(&model), self.output.color)
        );
        if report.fails() {
            eprintln!("nothing is declared while an objective does not hold");
            return Ok(Exit::Refused);
        }
        let url = match (self.global.catalog.as_deref(), model.catalog()) {
            (Some(url), Some(catalog)) if parse_url(url)? != parse_url(&catalog.url)? => {
                return Err(Error::Usage {
                    why: format!(
                        "the model says that its catalog is `{}`, and you say `{url}`",
                        catalog.url
                    ),
                    help: "make them agree, or leave one of them out".to_owned(),
                });
            }
            (None, Some(catalog)) => catalog.url.clone(),
            _ => self.url()?.to_owned(),
        };
        let engine = Engine::open(&url, &self.global.tenant, &who())?;
        let applied = engine.apply(&Apply {
            model: &model,
            take_over,
            prune,
            dry_run,
        })?;
        self.output.rows(&["kind", "name", "change"], &applied, |row| {
            vec![row.kind.clone(), row.name.clone(), row.change.as_str().to_owned()]
        });
        if dry_run {
            return Ok(Exit::Done);
        }
        let mut exit = Exit::Done;
        for finding in engine
            .reconcile_all()?
            .iter()
            .filter(|finding| finding.answer == Answer::Bad)
        {
            self.output.note(&format!(
                "{} is declared and not ready: {}",
                finding.subject, finding.detail
            ));
            exit = Exit::Partial;
        }
        Ok(exit)
    }

    fn reconcile(&self, kind: Option<&str>, name: Option<&str>) -> Done {
        let engine = self.engine()?;
        let findings = match (kind, name) {
            (Some(kind), Some(name)) => {
                let parsed: KindName = kind.parse().map_err(|()| Error::Usage {
                    why: format!("`{kind}` is not a kind"),
                    help: format!(
                        "kinds are {}",
                        KindName::ALL
                            .iter()
                            .map(|kind| kind.as_str())
                            .collect::<Vec<_>>()
                            .join(", ")
                    ),
                })?;
                let observed = engine.reconcile(parsed, name)?;
                let answer = if observed.ready { Answer::Good } else { Answer::Bad };
                vec![Finding {
                    subject: format!("{kind} {name}"),
                    answer,
                    detail: observed.reason,
                }]
            }
            _ => engine.reconcile_all()?,
        };
        self.findings(&findings);
        Ok(if findings.iter().any(|finding| finding.answer == Answer::Bad) {
            Exit::Failed
        } else {
            Exit::Done
        })
    }

    fn findings(&self, findings: &[Finding]) {
        self.output.rows(&["what", "answer", "detail"], findings, |finding| {
            let answer = match finding.answer {
                Answer::Good => "good",
                Answer::Look => "look",
                Answer::Bad => "bad",
            };
            vec![finding.subject.clone(), answer.to_owned(), finding.detail.clone()]
        });
    }

    fn status(&self, application: Option<&str>) -> Done {
        let rows = self.engine()?.status(application)?;
        self.output.rows(
            &[
                "application",
                "runs at",
                "protection",
                "newest point",
                "points",
                "ready",
            ],
            &rows,
            |row| {
                let ready = match row.ready {
                    Some(true) => "yes".to_owned(),
                    Some(false) => format!("no: {}", row.reason),
                    None => "not looked at yet".to_owned(),
                };
                let at = if row.epoch == 0 {
                    row.site.clone()
                } else {
                    format!("{} (epoch {})", row.site, row.epoch)
                };
                vec![
                    row.application.clone(),
                    at,
                    row.protection.clone(),
                    row.newest.clone(),
                    row.points.to_string(),
                    ready,
                ]
            },
        );
        Ok(Exit::Done)
    }

    fn protect(&self, request: &ProtectRequest) -> Done {
        let show = Show::new(self.output);
        let runbook = self.engine()?.protect(
            request,
            &Watch {
                observer: &show,
                cancel: self.cancel.clone(),
            },
        )?;
        self.finished(&runbook, request.dry_run);
        Ok(Exit::Done)
    }

    fn restore(&self, request: &RestoreRequest) -> Done {
        let show = Show::new(self.output);
        let runbook = self.engine()?.restore(
            request,
            &Watch {
                observer: &show,
                cancel: self.cancel.clone(),
            },
        )?;
        self.finished(&runbook, request.dry_run);
        Ok(Exit::Done)
    }

    /// The runbook of a dry run; of a real one its point, which scripts go on with.
    fn finished(&self, runbook: &Runbook, dry_run: bool) {
        if dry_run {
            self.output.one(runbook, runbook.to_text().trim_end());
        } else if !self.output.json {
            self.output.line(&runbook.point);
        }
    }

    fn points(&self, application: Option<&str>, vault: Option<(&Path, &Path)>) -> Done {
        let rows = match (vault, application) {
            (Some((vault, key)), _) => vault_points(vault, key, &self.global.tenant, application)?.1,
            (None, Some(application)) => self.engine()?.points(application)?,
            (None, None) => {
                return Err(Error::Usage {
                    why: "no application is named".to_owned(),
                    help: "`dram status` lists them; with `--vault` it may be left out".to_owned(),
                });
            }
        };
        self.output.rows(
            &["point", "frozen at", "site", "epoch", "class", "size", "state"],
            &rows,
            |row| {
                vec![
                    row.point.clone(),
                    row.frozen_at.clone(),
                    row.site.clone(),
                    row.epoch.to_string(),
                    row.class.clone(),
                    bytes(row.bytes),
                    row.state.clone(),
                ]
            },
        );
        Ok(Exit::Done)
    }

    fn list(&self, point: &str, path: &Path, recursive: bool) -> Done {
        let items = self.engine()?.list(point, path, recursive)?;
        let rows: Vec<serde_json::Value> = items
            .iter()
            .flat_map(|(item, entries)| {
                entries.iter().map(move |entry| {
                    serde_json::json!({
                        "item": item,
                        "path": entry.path.display().to_string(),
                        "kind": kind(&entry.kind),
                        "size": entry.size,
                    })
                })
            })
            .collect();
        self.output.rows(&["item", "kind", "size", "path"], &rows, |row| {
            let text = |key: &str| {
                row.get(key)
                    .and_then(serde_json::Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            let size = row
                .get("size")
                .and_then(serde_json::Value::as_u64)
                .map(bytes)
                .unwrap_or_default();
            vec![text("item"), text("kind"), size, text("path")]
        });
        Ok(Exit::Done)
    }

    fn verify(&self, what: &str, level: Level) -> Done {
        let show = Show::new(self.output);
        let level = match level {
            Level::Checksum => engine::Level::Checksum,
            Level::Restore => engine::Level::Restore,
        };
        let verified = self.engine()?.verify(
            what,
            level,
            &Watch {
                observer: &show,
                cancel: self.cancel.clone(),
            },
        )?;
        for damage in &verified.damages {
            self.output.note(damage);
        }
        let text = if verified.damages.is_empty() {
            format!(
                "point {} is whole: {} read by {}",
                verified.point,
                bytes(verified.bytes),
                verified.level
            )
        } else {
            format!("point {} is damaged", verified.point)
        };
        self.output.one(&verified, &text);
        Ok(if verified.damages.is_empty() {
            Exit::Done
        } else {
            Exit::Failed
        })
    }

    fn runs(&self, most: usize) -> Done {
        let rows = self.engine()?.runs(most)?;
        self.output.rows(
            &["run", "verb", "application", "asked at", "by", "state"],
            &rows,
            |row| {
                let state = if row.error.is_empty() {
                    row.state.clone()
                } else {
                    format!("{}: {}", row.state, row.error)
                };
                vec![
                    row.run.clone(),
                    row.verb.clone(),
                    row.application.clone(),
                    row.at.clone(),
                    row.by.clone(),
                    state,
                ]
            },
        );
        Ok(Exit::Done)
    }

    fn prune(&self, request: &PruneRequest) -> Done {
        let show = Show::new(self.output);
        let report = self.engine()?.prune(
            request,
            &Watch {
                observer: &show,
                cancel: self.cancel.clone(),
            },
        )?;
        if !report.retention {
            self.output.note("the policy has no retention: every point is kept");
        }
        let verb = if request.dry_run { "would go" } else { "removed" };
        let mut text = format!("{} points stay, {} {verb}", report.kept.len(), report.removed.len());
        for (point, because) in &report.kept {
            text.push_str(&format!("\n  stays {point}: {because}"));
        }
        for point in &report.removed {
            text.push_str(&format!("\n  {verb} {point}"));
        }
        self.output.one(&report, &text);
        Ok(Exit::Done)
    }

    fn catalog_init(&self) -> Done {
        let url = parse_url(self.url()?)?;
        let (header, words) = match Catalog::init(&url)? {
            Initialised::Created(header) => (header, "is ready"),
            Initialised::Already(header) => (header, "was ready before and is left as it was"),
        };
        let verdict = match &header.verdict {
            Verdict::Atomic => "its store creates atomically".to_owned(),
            Verdict::NotAtomic { seen } => format!("its store does not create atomically ({seen}): one writer only"),
        };
        self.output.one(
            &serde_json::json!({"catalog": url.to_string(), "verdict": verdict, "at": header.at.to_string()}),
            &format!("catalog {url} {words}: {verdict}"),
        );
        Ok(Exit::Done)
    }

    fn rebuild(&self, vault: &Path, password_file: &Path) -> Done {
        let rebuilt = self.engine()?.rebuild(vault, password_file)?;
        let mut text = format!(
            "{} declarations and {} points are back",
            rebuilt.declarations.len(),
            rebuilt.points
        );
        for missing in &rebuilt.missing {
            text.push_str(&format!("\n  not known: {missing}"));
        }
        self.output.one(&rebuilt, &text);
        Ok(Exit::Done)
    }
}

const fn kind(kind: &EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "file",
        EntryKind::Directory => "directory",
        EntryKind::Link(_) => "link",
        EntryKind::Fifo => "fifo",
        EntryKind::BlockDevice | EntryKind::CharacterDevice => "device",
        EntryKind::Socket => "socket",
    }
}
