//! One call of a program: its line, its streams, how it ended.

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::error::{Doing as _, Error, Result};

/// A program that is about to be called.
#[derive(Debug)]
pub struct Call {
    command: Command,
    words: Vec<OsString>,
    stdin: Option<Vec<u8>>,
}

/// A call that ended.
#[derive(Debug, Clone)]
pub struct Done {
    /// The command line, as a person would type it.
    pub line: String,
    /// How the program ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

impl Call {
    /// A call of a program by path or by name on the `PATH`. Its standard input is empty.
    pub fn new(program: impl AsRef<OsStr>) -> Call {
        let program = program.as_ref();
        let shown = Path::new(program).file_name().unwrap_or(program).to_owned();
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        Call {
            command,
            words: vec![shown],
            stdin: None,
        }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, word: impl AsRef<OsStr>) -> Call {
        self.command.arg(word.as_ref());
        self.words.push(word.as_ref().to_owned());
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args<I: IntoIterator<Item = W>, W: AsRef<OsStr>>(self, words: I) -> Call {
        words.into_iter().fold(self, Call::arg)
    }

    /// One variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Call {
        self.command.env(name, value);
        self
    }

    /// Takes one variable out of the environment.
    #[must_use]
    pub fn without_env(mut self, name: &str) -> Call {
        self.command.env_remove(name);
        self
    }

    /// The working directory.
    #[must_use]
    pub fn dir(mut self, dir: impl AsRef<Path>) -> Call {
        self.command.current_dir(dir);
        self
    }

    /// What the program reads from its standard input.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Call {
        self.stdin = Some(bytes.into());
        self
    }

    /// The command line, quoted where a shell would need it.
    pub fn line(&self) -> String {
        let words: Vec<String> = self.words.iter().map(|word| quoted(&word.to_string_lossy())).collect();
        words.join(" ")
    }

    /// Starts the program and gives it away; the streams are those of this process, except standard input.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn start(mut self) -> Result<Child> {
        let line = self.line();
        self.command.spawn().doing(|| format!("start `{line}`"))
    }

    /// The command itself, for whoever needs its streams.
    pub fn into_command(self) -> Command {
        self.command
    }

    /// Runs the program to its end, whichever that is.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn run(mut self) -> Result<Done> {
        let line = self.line();
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if self.stdin.is_some() {
            self.command.stdin(Stdio::piped());
        }
        let mut child = self.command.spawn().doing(|| format!("start `{line}`"))?;
        // A thread writes, because a program may well answer before it has read everything.
        let writer = self.stdin.take().zip(child.stdin.take()).map(|(bytes, mut pipe)| {
            std::thread::spawn(move || {
                // A program that does not want its input closes the pipe; how it ends says the rest.
                let _ = pipe.write_all(&bytes);
            })
        });
        let output = child.wait_with_output().doing(|| format!("wait for `{line}`"))?;
        if let Some(writer) = writer {
            let _ = writer.join();
        }
        Ok(Done {
            line,
            status: output.status,
            stdout: output.stdout,
            stderr: output.stderr,
        })
    }

    /// Runs the program and expects exit code 0.
    ///
    /// # Errors
    /// The program cannot be started, or ended otherwise.
    pub fn ok(self) -> Result<Done> {
        self.run()?.expect_code(0)
    }

    /// Runs the program, expects exit code 0, and gives its standard output as text.
    ///
    /// # Errors
    /// Those of [`Call::ok`].
    pub fn text(self) -> Result<String> {
        Ok(self.ok()?.stdout_text())
    }
}

impl Done {
    /// The exit code; a signal has none.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Standard output as text.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Both streams as text, standard output first.
    pub fn both(&self) -> String {
        let mut both = self.stdout_text();
        both.push_str(&self.stderr_text());
        both
    }

    /// Itself, if the program ended with this code.
    ///
    /// # Errors
    /// It ended otherwise.
    pub fn expect_code(self, code: i32) -> Result<Done> {
        if self.code() == Some(code) {
            return Ok(self);
        }
        Err(self.unexpected(format!("exit code {code}")))
    }

    /// Itself, if the program ended with another code than 0 by its own will, and said each of `words` somewhere.
    ///
    /// # Errors
    /// It succeeded, was killed, or said something else.
    pub fn expect_failure(self, words: &[&str]) -> Result<Done> {
        if self.code().is_none_or(|code| code == 0 || code == 101) {
            return Err(self.unexpected("a failure that it reports itself".to_owned()));
        }
        let said = self.both();
        match words.iter().find(|word| !said.contains(**word)) {
            None => Ok(self),
            Some(word) => Err(self.unexpected(format!("words that contain `{word}`"))),
        }
    }

    fn unexpected(&self, expected: String) -> Error {
        Error::Program {
            line: self.line.clone(),
            status: self.status,
            expected,
            output: self.both(),
        }
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A program on the `PATH`, or on another such list.
pub fn on_path(name: &str, path: &OsStr) -> Option<std::path::PathBuf> {
    std::env::split_paths(path)
        .map(|folder| folder.join(name))
        .find(|file| rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok() && file.is_file())
}

/// The `PATH` of this process.
pub fn path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_can_be_typed_again() {
        let call = Call::new("/usr/bin/echo").args(["a b", "it's", "--x=1", ""]);
        assert_eq!(call.line(), r"echo 'a b' 'it'\''s' --x=1 ''");
    }

    #[test]
    fn input_larger_than_a_pipe_is_written_and_read() {
        let bytes = vec![b'x'; 1 << 20];
        assert_eq!(Call::new("cat").stdin(bytes.clone()).ok().unwrap().stdout, bytes);
        assert_eq!(Call::new("true").stdin(bytes).ok().unwrap().stdout, b"");
    }

    #[test]
    fn another_end_than_the_expected_one_is_an_error_that_shows_the_output() {
        let error = Call::new("sh")
            .args(["-c", "echo out; echo err >&2; exit 3"])
            .ok()
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("exit status: 3") && error.contains("out\nerr"),
            "{error}"
        );
        assert!(
            Call::new("sh")
                .args(["-c", "kill -9 $$"])
                .run()
                .unwrap()
                .expect_failure(&[])
                .is_err()
        );
        assert!(
            Call::new("sh")
                .args(["-c", "echo no disk; exit 1"])
                .run()
                .unwrap()
                .expect_failure(&["disk"])
                .is_ok()
        );
    }
}
