//! Commands about what is declared.

use super::{Context, Done};
use crate::cli::lines::{CatalogCheckLine, CatalogCompactLine, CatalogInitLine};
use crate::cli::who;
use crate::engine::{Answer, Apply, Engine, Finding, parse_url};
use crate::error::Error;
use crate::exit::Exit;
use dram_catalog::store::Verdict;
use dram_catalog::{Catalog, Initialised};
use dram_compiler::check::{Checked, check};
use dram_compiler::diagnostic::{self, Diagnostic};
use dram_compiler::model::KindName;
use dram_compiler::prove::prove;
use dram_compiler::source::Sources;
use std::path::{Path, PathBuf};

impl Context<'_> {
    pub(super) fn apply(&self, files: &[PathBuf], dry_run: bool, take_over: bool, prune: bool) -> Done {
        let sources: Sources = dram_files::read(files)?.into_iter().collect();
        let Checked { model, diagnostics } = check(&sources);
        self.diagnostics(&sources, &diagnostics);
        let Some(model) = model else { return Ok(Exit::Failed) };
        let report = prove(&model);
        self.diagnostics(&sources, &report.diagnostics(&model));
        if report.fails() {
            self.output.say("nothing is declared while an objective does not hold");
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
            (None, Some(catalog)) => catalog.url.to_string(),
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

    fn diagnostics(&self, sources: &Sources, found: &[Diagnostic]) {
        let text = diagnostic::render(sources, found, self.output.color);
        if !text.is_empty() {
            self.output.say_styled(text.trim_end());
        }
    }

    pub(super) fn reconcile(&self, kind: Option<&str>, name: Option<&str>) -> Done {
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

    pub(super) fn catalog_init(&self) -> Done {
        let url = parse_url(self.url()?)?;
        let (header, words) = match Catalog::init(&url)? {
            Initialised::Created(header) => (header, "is ready"),
            Initialised::Already(header) => (header, "was ready before and is left as it was"),
        };
        let verdict = verdict(&header.verdict);
        self.output.one(
            &CatalogInitLine {
                catalog: url.to_string(),
                verdict: verdict.clone(),
                at: header.at.to_string(),
            },
            &format!("catalog {url} {words}: {verdict}"),
        );
        Ok(Exit::Done)
    }

    pub(super) fn catalog_check(&self) -> Done {
        let url = parse_url(self.url()?)?;
        let found = Catalog::check(&url)?;
        let words = verdict(&found);
        self.output.one(
            &CatalogCheckLine {
                catalog: url.to_string(),
                verdict: words.clone(),
                atomic: found == Verdict::Atomic,
            },
            &format!("catalog {url}: {words}"),
        );
        Ok(match found {
            Verdict::Atomic => Exit::Done,
            Verdict::NotAtomic { .. } => Exit::Refused,
        })
    }

    pub(super) fn catalog_compact(&self) -> Done {
        let compacted = self.engine()?.catalog().compact()?;
        let text = format!(
            "{} superseded records of {} removed",
            compacted.numbers, compacted.series
        );
        self.output.one(
            &CatalogCompactLine {
                records: compacted.numbers,
                series: compacted.series,
            },
            &text,
        );
        Ok(Exit::Done)
    }

    pub(super) fn rebuild(&self, vault: &str, password_file: &Path) -> Done {
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

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Atomic => "its store creates atomically".to_owned(),
        Verdict::NotAtomic { seen } => {
            format!("its store does not create atomically ({seen}): writers would overwrite each other")
        }
    }
}
