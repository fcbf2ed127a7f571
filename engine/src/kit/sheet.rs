//! What stands on the sheet.

use super::Passphrase;
use super::pdf;
use super::reach::{environment, needs, repository};
use super::words::{filled, folded, quoted, with_variables, words};
use crate::error::Error;
use crate::run::DUMP_FILE;
use crate::runbook::{SiteRef, VaultRef};
use crate::vault::IMAGE_FILE;
use dram_compiler::derive::{Method, methods};
use dram_compiler::model::{Action, Application, Body, Command, Component, Health, Probe, after_order};
use jiff::Timestamp;

/// Lines of prose are not longer than this.
pub(super) const WIDTH: usize = 92;
/// Commands stand so far from the left, and nothing else does.
const INDENT: &str = "    ";
const VARIABLES: [&str; 4] = ["DRAM_SITE", "DRAM_APPLICATION", "DRAM_COMPONENT", "DRAM_RUN"];

/// What a sheet is about.
#[derive(Debug)]
pub struct About<'a> {
    /// The kit.
    pub kit: &'a str,
    /// The tenant.
    pub tenant: &'a str,
    /// The application's name.
    pub name: &'a str,
    /// The application.
    pub application: &'a Application,
    /// The site where it runs.
    pub site: &'a SiteRef,
    /// The vaults that the kit opens, the first one first.
    pub vaults: &'a [VaultRef],
    /// Vaults that have points too and did not get the kit's key.
    pub missed: &'a [String],
    /// When the kit is made.
    pub at: Timestamp,
    /// Who makes it.
    pub who: &'a str,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    Heading(String),
    Prose(String),
    Command(String),
    Blank,
}

/// A sheet. It holds the kit's password.
#[derive(Clone)]
pub struct Sheet {
    title: String,
    passphrase: Passphrase,
    addresses: Vec<String>,
    lines: Vec<Line>,
}

impl std::fmt::Debug for Sheet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sheet")
            .field("title", &self.title)
            .finish_non_exhaustive()
    }
}

impl Sheet {
    /// Composes a sheet.
    ///
    /// # Errors
    /// The components wait for each other in a circle.
    pub fn new(about: &About<'_>, passphrase: &Passphrase) -> Result<Self, Error> {
        let mut page = Page {
            about,
            lines: Vec::new(),
        };
        page.opening(passphrase);
        page.vaults();
        page.by_dram(passphrase);
        page.by_restic(passphrase)?;
        Ok(Self {
            title: format!("Recovery kit of application {}", about.name),
            passphrase: passphrase.clone(),
            addresses: about.vaults.iter().map(VaultRef::address).collect(),
            lines: page.lines,
        })
    }

    /// The sheet as text. Lines that begin with four spaces are commands, and nothing else begins so.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}\n{}\n", self.title, "=".repeat(self.title.chars().count()));
        for line in &self.lines {
            match line {
                Line::Heading(heading) => {
                    text.push_str(&format!("\n{heading}\n{}\n", "-".repeat(heading.chars().count())));
                }
                Line::Prose(prose) => text.push_str(&format!("{prose}\n")),
                Line::Command(command) => text.push_str(&format!("{INDENT}{command}\n")),
                Line::Blank => text.push('\n'),
            }
        }
        text
    }

    /// The sheet to print, with password and addresses once more as a code to read with a camera.
    ///
    /// # Errors
    /// It holds a character that the fonts of every reader lack, or too much for its width or its code.
    pub fn pdf(&self) -> Result<Vec<u8>, Error> {
        let mut code = format!("passphrase: {}\n", self.passphrase.reveal());
        for address in &self.addresses {
            code.push_str(&format!("vault: {address}\n"));
        }
        pdf::print(&self.title, self.passphrase.reveal(), &code, &self.lines)
    }
}

struct Page<'a> {
    about: &'a About<'a>,
    lines: Vec<Line>,
}

impl Page<'_> {
    fn heading(&mut self, text: impl Into<String>) {
        self.lines.push(Line::Heading(text.into()));
    }

    fn prose(&mut self, text: &str) {
        self.lines.extend(filled(text, WIDTH).into_iter().map(Line::Prose));
    }

    fn command(&mut self, words: &[String]) {
        let lines = folded(words, WIDTH - INDENT.len());
        let lines = lines.iter().flat_map(|line| line.split('\n'));
        self.lines.extend(lines.map(|line| Line::Command(line.to_owned())));
    }

    /// A command without a word that could need quoting.
    fn plain(&mut self, line: &str) {
        self.lines.push(Line::Command(line.to_owned()));
    }

    fn blank(&mut self) {
        self.lines.push(Line::Blank);
    }

    fn opening(&mut self, passphrase: &Passphrase) {
        let about = self.about;
        self.prose(&format!(
            "Kit {}, made {:.0} by {}. Tenant {}, site {}.",
            about.kit, about.at, about.who, about.tenant, about.site.name
        ));
        self.blank();
        self.prose(
            "THIS SHEET IS A KEY. Whoever holds it and can read one of the vaults below reads every point in it. Lock it away, \
             not beside a vault, and let it into no mail, ticket or chat. Its passphrase is kept nowhere else: a lost sheet \
             cannot be printed again.",
        );
        self.prose(&format!(
            "`dram kit {} --revoke {}` takes it back, `dram kit {} --out FILE.pdf` makes a new one.",
            about.name, about.kit, about.name
        ));
        self.heading("Passphrase");
        self.lines.push(Line::Prose(passphrase.reveal().to_owned()));
        self.blank();
        self.prose(
            "In lower case and with the hyphens. The letters i, l, o and u do not occur: what looks like them is 1 or 0 or v.",
        );
    }

    fn vaults(&mut self) {
        self.heading("Where the points lie");
        for vault in self.about.vaults {
            self.prose(&format!("Vault {}: {}", vault.name, vault.address()));
            self.prose(&format!("It takes {}.", needs(vault)));
            self.blank();
        }
        for missed in self.about.missed {
            self.prose(&format!("NOT OPENED BY THIS KIT: {missed}"));
            self.blank();
        }
        self.prose("Each vault is complete without the others. The vaults' own passwords are not needed.");
    }

    fn by_dram(&mut self, passphrase: &Passphrase) {
        let about = self.about;
        self.heading("With dram");
        self.prose(
            "One of these commands, on a machine with `dram` and what the application itself needs. It restores files, loads dumps, \
             starts and waits for health, in order. With the last option you attest that the application runs nowhere else: make \
             sure of it first. `--into` names the directory that the application sees as `/`.",
        );
        self.blank();
        self.plain("umask 077");
        self.command(&words(["printf", "'%s\\n'", passphrase.reveal(), ">", "kit.key"]));
        for vault in about.vaults {
            self.blank();
            self.prose(&format!("From vault {}:", vault.name));
            self.blank();
            let mut line = words(["dram", "recover", about.name]);
            if about.tenant != "default" {
                line.extend(words(["--tenant", about.tenant]));
            }
            line.extend(["--vault".to_owned(), quoted(&vault.address())]);
            line.extend(words(["--password-file", "kit.key"]));
            line.extend(["--into".to_owned(), quoted(&about.site.root)]);
            line.extend(words(["--attest-source-stopped"]));
            self.command(&line);
        }
        self.blank();
        self.prose(
            "With `--point ID` it takes another point than the newest, with `--dry-run` it only shows what it would do. Then remove \
             the key: `rm kit.key`.",
        );
    }

    fn by_restic(&mut self, passphrase: &Passphrase) -> Result<(), Error> {
        let about = self.about;
        self.heading("With stock restic alone");
        self.prose(
            "restic 0.14 or newer, and what the application itself needs. A dump lies in a file for a moment. Stop where a command \
             fails. Choose ONE vault:",
        );
        for vault in about.vaults {
            self.blank();
            self.prose(&format!("vault {}", vault.name));
            self.blank();
            for line in environment(vault, &repository(vault, about.tenant, about.name)) {
                self.command(&line);
            }
        }
        self.blank();
        self.prose("Find the newest sealed point; the list shows all seals, the newest last:");
        self.blank();
        self.command(&words(["export", &format!("RESTIC_PASSWORD={}", passphrase.reveal())]));
        self.plain("restic snapshots --tag dram,seal");
        self.command(&words([
            "POINT=$(restic dump --tag dram,seal latest /manifest.json |",
            "sed -n 's/^  \"point\": \"\\([0-9A-Z]*\\)\".*/\\1/p')",
        ]));
        self.plain("echo \"$POINT\"");
        self.blank();
        self.prose(
            "For another one, `restic dump SEAL /manifest.json` says what the seal with this id is of; then POINT=… takes its place. \
             Only a sealed point is whole.",
        );
        self.blank();
        self.prose("See its items, and say which directory the application is to see as `/`:");
        self.blank();
        self.plain("restic snapshots --tag \"dram,point=$POINT\"");
        self.command(&words([&format!("ROOT={}", quoted(&about.site.root))]));
        self.plain("mkdir -p \"$ROOT\"");
        let site = format!("DRAM_SITE={}", quoted(&about.site.name));
        let application = format!("DRAM_APPLICATION={}", quoted(about.name));
        self.command(&words([
            "export",
            "DRAM_ROOT=\"$ROOT\"",
            &site,
            &application,
            "DRAM_RUN=\"$POINT\"",
        ]));
        let waves = after_order(&about.application.components).map_err(|circle| {
            Error::Refused(crate::runbook::Refusal::Circle {
                circle: circle.join(" → "),
            })
        })?;
        for wave in waves {
            for component in wave {
                self.component(component);
            }
        }
        self.blank();
        self.prose("The application is back. Forget the passphrase here:");
        self.blank();
        self.plain("unset RESTIC_PASSWORD");
        Ok(())
    }

    /// What brings one component up: its files, its service, its dump, its health.
    fn component(&mut self, component: &Component) {
        let name = component.name.to_string();
        let Some(Body::Host(host)) = &component.body else {
            return;
        };
        self.blank();
        self.prose(&format!("Component {name}:"));
        self.blank();
        self.command(&words(["export", &format!("DRAM_COMPONENT={}", quoted(&name))]));
        let tag = |method: Method| format!("\"dram,point=$POINT,item={name}.{}\"", method.as_str());
        let has = methods(component);
        if has.contains(&Method::Files) {
            let mut line = words(["restic", "restore", "latest", "--tag", &tag(Method::Files)]);
            line.extend(words(["--target", "\"$ROOT\""]));
            self.command(&line);
        }
        if let Some(device) = host.device.as_ref().filter(|_| has.contains(&Method::Image)) {
            self.prose("The device must be there and long enough; for a disk image make its folder:");
            let mut line = words([
                "restic dump latest --tag",
                &tag(Method::Image),
                &format!("/{IMAGE_FILE}"),
            ]);
            line.extend(words([">", &format!("\"$ROOT\"{}", quoted(device.as_str()))]));
            self.command(&line);
        }
        if let Some(service) = &host.service {
            self.command(&at_root(&service.start));
        }
        if let Some(dump) = host.dump.as_ref().filter(|_| has.contains(&Method::Dump)) {
            // Half a dump is never loaded: a pipe would hide that its first half failed.
            let mut line = words(["(umask 077; restic dump latest --tag", &tag(Method::Dump)]);
            line.extend(words([&format!("/{DUMP_FILE}"), "> dump.tmp) &&"]));
            line.extend(at_root(&dump.restore));
            line.extend(words(["< dump.tmp && rm dump.tmp"]));
            self.command(&line);
        }
        for health in &component.health {
            self.command(&asked(health));
        }
    }
}

/// A command of the application, where it runs.
fn at_root(command: &Command) -> Vec<String> {
    let place = match &command.dir {
        None => "\"$ROOT\"".to_owned(),
        Some(dir) => format!("\"$ROOT\"{}", quoted(dir.as_str())),
    };
    let mut line = words(["(cd", &place, "&&"]);
    line.extend(match &command.action {
        Action::Run(argv) => argv.iter().map(|word| quoted(word)).collect(),
        Action::Shell(text) => vec!["sh".to_owned(), "-c".to_owned(), quoted(text)],
    });
    if let Some(last) = line.last_mut() {
        last.push(')');
    }
    line
}

/// How a person asks what a health check asks; it goes on asking for as long as the check would.
fn asked(health: &Health) -> Vec<String> {
    let http = match &health.probe {
        Probe::Exec(command) => return at_root(command),
        Probe::Http(http) => http,
        Probe::Tcp(tcp) => {
            let (host, port) = tcp.address.parts();
            let seconds = health.start_period.seconds.max(1).to_string();
            return words([
                "timeout",
                &seconds,
                "sh",
                "-c",
                &quoted(&format!("until nc -z {host} {port}; do sleep 1; done")),
            ]);
        }
        // A host tells nothing by itself: none has such a check.
        Probe::Ready(_) => return Vec::new(),
    };
    let seconds = health.start_period.seconds.max(1).to_string();
    let timeout = health.timeout.seconds.max(1).to_string();
    let mut line = words(["curl", "-fsS", "--max-time", &timeout, "--retry", &seconds]);
    line.extend(words(["--retry-delay", "1", "--retry-connrefused", &quoted(&http.url)]));
    if let Some(body) = &http.body {
        line.extend(words(["|", "grep", "-F", &with_variables(body, &VARIABLES)]));
    }
    line
}
