//! Dumps as streams: out of a command's standard output, into a command's standard input.

use std::io::{self, Read, Write};
use std::process::{ChildStdin, ChildStdout};

use super::command::Finished;
use super::error::{CommandFailure, Deed, SiteError};
use super::process::{LastWords, Watched};
use super::{DumpStream, LoadStream};

/// Who a command belongs to, for its error.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) site: String,
    pub(super) component: String,
    pub(super) deed: Deed,
}

impl Origin {
    pub(super) fn failed(&self, failure: CommandFailure, said: String) -> SiteError {
        let Origin { site, component, deed } = self.clone();
        SiteError::Command {
            site,
            component,
            deed,
            failure,
            said,
        }
    }
}

/// A command that writes a dump.
#[derive(Debug)]
pub(super) struct Dump {
    /// Dropped before the pipe closes, so that the command does not see its reader go. Gone once its end was told.
    pub(super) watched: Option<Watched>,
    pub(super) output: ChildStdout,
    pub(super) words: LastWords,
    pub(super) origin: Origin,
    pub(super) end: Option<Result<Finished, (CommandFailure, String)>>,
}

impl Dump {
    /// How the command ended; waits for it the first time.
    fn end(&mut self) -> Result<Finished, SiteError> {
        if let Some(watched) = self.watched.take() {
            let ended = watched.wait();
            let said = self.words.heard();
            self.end = Some(match ended {
                Ok(took) => Ok(Finished { took, said }),
                Err(failure) => Err((failure, said)),
            });
        }
        match &self.end {
            Some(Ok(finished)) => Ok(finished.clone()),
            Some(Err((failure, said))) => Err(self.origin.failed(failure.clone(), said.clone())),
            None => Err(self.origin.failed(CommandFailure::Canceled, String::new())),
        }
    }
}

impl Read for Dump {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        // Whoever reads again after the end, or after its error, is told the same again.
        if self.watched.is_some() {
            match self.output.read(buffer)? {
                0 => {}
                read => return Ok(read),
            }
        }
        self.end().map(|_| 0).map_err(io::Error::other)
    }
}

impl DumpStream for Dump {
    fn finish(mut self: Box<Self>) -> Result<Finished, SiteError> {
        if self.watched.is_some() {
            // Bytes that nobody read are no whole dump: the reader gave up, and so does the command.
            let mut rest = [0; 1];
            match self.output.read(&mut rest) {
                Ok(0) => {}
                Ok(_) => return Err(self.origin.failed(CommandFailure::Canceled, String::new())),
                Err(error) => return Err(self.origin.failed(CommandFailure::Pipe(error.into()), String::new())),
            }
        }
        self.end()
    }
}

/// A command that reads a dump.
#[derive(Debug)]
pub(super) struct Load {
    /// Dropped before the pipe closes: half a dump must end with the command, not look whole to it.
    pub(super) watched: Watched,
    pub(super) input: Option<ChildStdin>,
    pub(super) words: LastWords,
    pub(super) origin: Origin,
    pub(super) closed_early: bool,
}

impl Load {
    fn end(&mut self) -> Result<Finished, SiteError> {
        // The command reads its end now.
        self.input = None;
        let ended = self.watched.ended();
        let said = self.words.heard();
        match ended {
            Ok(_) if self.closed_early => Err(self.origin.failed(CommandFailure::ClosedEarly, said)),
            Ok(took) => Ok(Finished { took, said }),
            Err(failure) => Err(self.origin.failed(failure, said)),
        }
    }
}

impl Write for Load {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let Some(input) = &mut self.input else {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe));
        };
        match input.write(buffer) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed_early = true;
                match self.end() {
                    Ok(_) => Err(error),
                    Err(told) => Err(io::Error::new(io::ErrorKind::BrokenPipe, told)),
                }
            }
            other => other,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.input.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl LoadStream for Load {
    fn finish(mut self: Box<Self>) -> Result<Finished, SiteError> {
        self.end()
    }
}
