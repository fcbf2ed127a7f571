//! `dramc init`: a first model from answers or flags.

use crate::Exit;
use crate::files::{self, FileError};
use clap::Args;
use dram_compiler::check::{Checked, check};
use dram_compiler::diagnostic;
use dram_compiler::init::{Answers, Database, Place, SCHEMA_FILE, model};
use dram_compiler::model::{Duration, LogicalPath, Name};
use dram_compiler::prove::prove;
use dram_compiler::schema;
use dram_compiler::source::Sources;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// What may be said instead of being asked.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Name of the application
    #[arg(long, value_name = "NAME")]
    application: Option<Name>,
    /// Name of the site where it runs
    #[arg(long, value_name = "NAME")]
    site: Option<Name>,
    /// Name of the site where it comes back, or `none`
    #[arg(long, value_name = "NAME")]
    target: Option<OrNone<Name>>,
    /// Where its points lie: a directory, `s3://bucket/folder` or `swift://cloud/container`
    #[arg(long, value_name = "PLACE")]
    vault: Option<Place>,
    /// The built-in profile of its database, or `none`
    #[arg(long, value_name = "PROFILE")]
    database: Option<OrNone<Database>>,
    /// Where its files lie
    #[arg(long, value_name = "PATH")]
    files: Option<LogicalPath>,
    /// The most time whose changes may be lost
    #[arg(long, value_name = "DURATION")]
    rpo: Option<Duration>,
    /// The most time until it runs again
    #[arg(long, value_name = "DURATION")]
    rto: Option<Duration>,
    /// Ask nothing: what no flag says is as it would be offered
    #[arg(long)]
    yes: bool,
    /// The file that is written
    #[arg(short, long, value_name = "FILE", default_value = "dram.yaml")]
    output: PathBuf,
}

/// Something, or the word `none`.
#[derive(Debug, Clone)]
struct OrNone<T>(Option<T>);

impl<T: FromStr<Err = String>> FromStr for OrNone<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            Ok(Self(None))
        } else {
            text.parse().map(|value| Self(Some(value)))
        }
    }
}

impl Flags {
    const fn say_everything(&self) -> bool {
        self.yes
            || (self.application.is_some()
                && self.site.is_some()
                && self.target.is_some()
                && self.vault.is_some()
                && self.database.is_some()
                && self.files.is_some()
                && self.rpo.is_some()
                && self.rto.is_some())
    }
}

/// Asks, checks and proves what it makes of the answers, and writes it; never over what is there.
pub(crate) fn run(flags: Flags, color: bool) -> Result<Exit, FileError> {
    let output = flags.output.clone();
    if files::is_there(&output) {
        return Ok(refuse(
            &format!("`{}` is there already, and is left as it is", output.display()),
            "`--output` names another file",
        ));
    }
    if !flags.say_everything() && !files::asks() {
        return Ok(refuse(
            "there is no terminal to ask on",
            "answer with flags, and take what is offered for the rest with `--yes`",
        ));
    }
    let answers = match files::with_terminal(|input, output| answers(flags, input, output)) {
        Ok(answers) => answers,
        Err(why) => {
            return Ok(refuse(
                &format!("the answers end: {why}"),
                "`--yes` takes what is offered",
            ));
        }
    };
    let text = model(&answers);
    if !holds(&output, &text, color) {
        files::complain("nothing is written: give other answers\n");
        return Ok(Exit::Failed);
    }
    files::create(&output, &text)?;
    let schema = output.with_file_name(SCHEMA_FILE);
    files::write_over(&schema, &format!("{:#}\n", schema::json_schema()))?;
    files::print(&next(&output, &answers))?;
    Ok(Exit::Done)
}

fn refuse(why: &str, help: &str) -> Exit {
    files::complain(&format!("error: {why}\nhelp: {help}\n"));
    Exit::Failed
}

/// Whether a model is one whose objectives hold; says what is wrong.
fn holds(path: &Path, text: &str, color: bool) -> bool {
    let sources = Sources::one(&path.display().to_string(), text);
    let Checked { model, diagnostics } = check(&sources);
    files::complain(&diagnostic::render(&sources, &diagnostics, color));
    let Some(model) = model else { return false };
    let report = prove(&model);
    files::complain(&diagnostic::render(&sources, &report.diagnostics(&model), color));
    !report.fails()
}

fn answers(flags: Flags, input: &mut impl BufRead, output: &mut impl Write) -> io::Result<Answers> {
    let mut ask = Ask {
        input,
        output,
        offers_stand: flags.yes,
    };
    let application: Name = ask.one(
        flags.application,
        "Application",
        "What is to be protected, by a short name.",
        "shop",
    )?;
    let files = format!("/srv/{application}");
    let databases: Vec<&str> = Database::names().collect();
    let about_databases = format!(
        "The profile that knows how to dump it: {}, or `none`.",
        databases.join(", ")
    );
    Ok(Answers {
        site: ask.one(flags.site, "Site", "Where it runs.", "office")?,
        target: ask
            .one(
                flags.target,
                "Recovery site",
                "Where it comes back when the site is lost, or `none`.",
                "branch",
            )?
            .0,
        vault: ask.one(
            flags.vault,
            "Vault",
            "Where its points lie: a directory, `s3://bucket/folder` or `swift://cloud/container`.",
            "/mnt/nas/dram",
        )?,
        database: ask.one(flags.database, "Database", &about_databases, "none")?.0,
        files: ask.one(flags.files, "Files", "The directory of its files.", &files)?,
        rpo: ask.one(flags.rpo, "RPO", "The most time whose changes may be lost.", "75m")?,
        rto: ask.one(flags.rto, "RTO", "The most time until it runs again.", "30m")?,
        application,
    })
}

/// Where questions go and answers come from.
struct Ask<'a, I, O> {
    input: &'a mut I,
    output: &'a mut O,
    /// Nothing is asked.
    offers_stand: bool,
}

impl<I: BufRead, O: Write> Ask<'_, I, O> {
    /// What a flag said, else what is answered; an empty answer is what is offered.
    fn one<T: FromStr<Err = String>>(
        &mut self,
        given: Option<T>,
        question: &str,
        help: &str,
        offer: &str,
    ) -> io::Result<T> {
        if let Some(given) = given {
            return Ok(given);
        }
        if self.offers_stand {
            return offer.parse().map_err(io::Error::other);
        }
        loop {
            write!(self.output, "{help}\n{question} [{offer}]: ")?;
            self.output.flush()?;
            let mut line = String::new();
            if self.input.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let answer = if line.trim().is_empty() { offer } else { line.trim() };
            match answer.parse() {
                Ok(value) => return Ok(value),
                Err(why) => writeln!(self.output, "`{answer}` is not one: {why}")?,
            }
        }
    }
}

fn next(output: &Path, answers: &Answers) -> String {
    let (file, application) = (output.display(), &answers.application);
    format!(
        "written: {file}, and {SCHEMA_FILE} beside it, by which editors complete and check it\n\
         \n\
         What to do next:\n  \
         1. Read it. Its comments say what to look at; sizes and rates are guesses until you put yours.\n  \
         2. dramc prove {file}    says how the objectives are met, and on what that rests\n  \
         3. Put a password into the vault's key file, and a copy of it where the sites cannot take it with them:\n     \
         (umask 077; head -c 32 /dev/urandom | base64 > /etc/dram/vault.key)\n  \
         4. Declare it, with Terraform:\n     \
         dramc build --target terraform -o infra {file}\n     \
         or without:\n     \
         export DRAM_CATALOG=file:///var/lib/dram/catalog\n     \
         dram catalog init && dram apply {file}\n  \
         5. dram protect {application}    makes the first recovery point\n"
    )
}

#[cfg(test)]
mod tests {
    use super::{Flags, answers};
    use clap::{Args as _, Command, FromArgMatches as _};

    fn asked(words: &[&str], input: &str) -> (std::io::Result<super::Answers>, String) {
        let matches = Flags::augment_args(Command::new("init")).get_matches_from([&["init"], words].concat());
        let mut said = Vec::new();
        let found = answers(
            Flags::from_arg_matches(&matches).unwrap(),
            &mut input.as_bytes(),
            &mut said,
        );
        (found, String::from_utf8(said).unwrap())
    }

    #[test]
    fn every_question_has_an_offer_and_a_line_of_help() {
        let (found, said) = asked(&[], "\n\n\n\n\n\n\n\n");
        assert_eq!(found.unwrap().files.to_string(), "/srv/shop");
        assert_eq!(said.lines().count(), 9, "{said}");
        assert_eq!(said.matches("]: ").count(), 8, "{said}");
    }

    #[test]
    fn a_wrong_answer_is_asked_again_and_a_flag_is_not_asked() {
        let (found, said) = asked(
            &["--site", "desk", "--rto", "1h"],
            "My Shop\nbooks\nnone\n\nmysqll\nnone\n/x\n1h\n",
        );
        let found = found.unwrap();
        assert_eq!(
            (found.application.to_string(), found.target, found.site.to_string()),
            ("books".into(), None, "desk".into())
        );
        assert!(
            said.contains("`My Shop` is not one: ") && said.contains("`mysqll` is not one: none of "),
            "{said}"
        );
        assert!(!said.contains("Site [") && !said.contains("RTO ["), "{said}");
    }

    #[test]
    fn answers_that_end_are_an_error() {
        assert!(asked(&[], "shop\n").0.is_err());
        assert!(asked(&["--yes"], "").0.is_ok());
    }
}
