//! The shell that runs texts.

use std::process::{Command as Process, Stdio};
use std::sync::OnceLock;

/// A shell, found once for the life of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shell {
    /// The program.
    pub program: &'static str,
    /// Whether it has `pipefail`. Without it, only the last part of a pipe says whether a text failed.
    pub pipefail: bool,
}

impl Shell {
    /// The shell of this machine: `sh` if it has `pipefail`, else `bash` if there is one, else `sh` without.
    pub fn of_this_machine() -> Self {
        static SHELL: OnceLock<Shell> = OnceLock::new();
        *SHELL.get_or_init(|| {
            let found = ["/bin/sh", "bash"].into_iter().find(|program| has_pipefail(program));
            match found {
                Some(program) => Shell {
                    program,
                    pipefail: true,
                },
                None => Shell {
                    program: "/bin/sh",
                    pipefail: false,
                },
            }
        })
    }

    /// The program and arguments that run `text`.
    pub(super) fn argv(self, text: &str) -> Vec<String> {
        let mut argv = vec![self.program.to_owned()];
        if self.pipefail {
            argv.extend(["-o".to_owned(), "pipefail".to_owned()]);
        }
        argv.extend(["-c".to_owned(), text.to_owned()]);
        argv
    }
}

fn has_pipefail(program: &str) -> bool {
    let status = Process::new(program)
        .args(["-o", "pipefail", "-c", "false | true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    // A shell without it says 0 or complains with 2.
    status.is_ok_and(|status| status.code() == Some(1))
}
