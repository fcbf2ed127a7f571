//! Recovery kits.

use super::{Context, Done};
use crate::cli::arguments::KitArguments;
use crate::cli::lines::KitLine;
use crate::engine::KitReport;
use crate::error::Error;
use crate::exit::Exit;
use crate::kit::Sheet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

impl Context<'_> {
    pub(super) fn kit(&self, arguments: &KitArguments) -> Done {
        let application = arguments.application.as_str();
        let report = match (&arguments.revoke, &arguments.out, arguments.list) {
            (Some(kit), _, _) => self.revoked(application, kit)?,
            (None, Some(out), _) => self.filed(application, out)?,
            (None, None, true) => self.listed(application)?,
            (None, None, false) => self.printed(application)?,
        };
        for miss in &report.missed {
            self.output.note(&format!("vault {}: {}", miss.vault, miss.why));
        }
        Ok(if report.missed.is_empty() {
            Exit::Done
        } else {
            Exit::Partial
        })
    }

    fn listed(&self, application: &str) -> Result<KitReport, Error> {
        let report = self.engine()?.kits(application)?;
        self.keys(&report);
        Ok(report)
    }

    fn revoked(&self, application: &str, kit: &str) -> Result<KitReport, Error> {
        let report = self.engine()?.revoke_kit(application, kit)?;
        self.keys(&report);
        if !report.keys.is_empty() {
            self.output.note(
                "the passphrase of these keys opens nothing more; who used it before may have kept what it opened: the key of the \
                 repository stays the same",
            );
        }
        Ok(report)
    }

    fn keys(&self, report: &KitReport) {
        self.output.rows(&["kit", "vault", "key", "made"], &report.keys, |key| {
            let made = key.created.map(|created| format!("{created:.0}")).unwrap_or_default();
            vec![key.kit.clone(), key.vault.clone(), key.key.clone(), made]
        });
    }

    /// Prints a new kit's sheet.
    fn printed(&self, application: &str) -> Result<KitReport, Error> {
        if self.output.json {
            return Err(Error::Usage {
                why: "a sheet is text and no JSON".to_owned(),
                help: "leave `--json` out, or write the sheet to a file with `--out`".to_owned(),
            });
        }
        let render = |sheet: &Sheet| Ok(sheet.text().into_bytes());
        let mut put = |bytes: &[u8]| {
            let mut out = std::io::stdout().lock();
            let written = out.write_all(bytes).and_then(|()| out.flush());
            written.map_err(|source| failed(Path::new("standard output"), source))
        };
        let report = self.engine()?.make_kit(application, &render, &mut put)?;
        self.warn();
        Ok(report)
    }

    /// Writes a new kit's sheet to a file of its own.
    fn filed(&self, application: &str, out: &Path) -> Result<KitReport, Error> {
        let render = match out.extension().and_then(std::ffi::OsStr::to_str) {
            Some("pdf") => Sheet::pdf,
            Some("txt") => |sheet: &Sheet| Ok(sheet.text().into_bytes()),
            _ => {
                return Err(Error::Usage {
                    why: format!("`{}` ends neither in `.pdf` nor in `.txt`", out.display()),
                    help: "the end of the name says what is written: `--out kit.pdf`".to_owned(),
                });
            }
        };
        let engine = self.engine()?;
        let mut sheet = Reserved::new(out)?;
        let report = engine.make_kit(application, &render, &mut |bytes| sheet.fill(bytes))?;
        let out = out.display().to_string();
        let line = KitLine {
            out: out.clone(),
            keys: &report.keys,
            missed: &report.missed,
        };
        self.output.one(&line, &out);
        self.warn();
        Ok(report)
    }

    fn warn(&self) {
        self.output.note(
            "this sheet holds a passphrase that opens every point, and nothing else holds it: print it, lock it away, and remove \
             the file",
        );
    }
}

fn failed(path: &Path, source: std::io::Error) -> Error {
    Error::File {
        what: "write",
        path: path.display().to_string(),
        source,
    }
}

/// A file that was not there, for its owner alone. It goes again unless it is filled.
struct Reserved {
    path: PathBuf,
    file: File,
    is_filled: bool,
}

impl Reserved {
    fn new(path: &Path) -> Result<Self, Error> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(path);
        Ok(Self {
            path: path.to_owned(),
            file: file.map_err(|source| match source.kind() {
                std::io::ErrorKind::AlreadyExists => Error::Usage {
                    why: format!("`{}` is there already", path.display()),
                    help: "nothing is overwritten: choose another name, or remove it".to_owned(),
                },
                _ => failed(path, source),
            })?,
            is_filled: false,
        })
    }

    fn fill(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let written = self.file.write_all(bytes).and_then(|()| self.file.sync_all());
        written.map_err(|source| failed(&self.path, source))?;
        self.is_filled = true;
        Ok(())
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if !self.is_filled {
            // It holds nothing, or half a sheet whose keys are removed.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
