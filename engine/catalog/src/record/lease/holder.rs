//! Who holds a lease, and whether that process still lives: answered only where it can be known.

use std::fs;
use std::io;

use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};

use crate::chance::Chance;

/// A process that holds a lease, told apart from every other that had its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The machine's name.
    pub host: String,
    /// The machine's own id (`/etc/machine-id`); empty where there is none.
    pub machine: String,
    /// The id of the boot (`/proc/sys/kernel/random/boot_id`); empty where there is none.
    pub boot: String,
    /// The namespace in which `pid` counts: containers of one machine share its boot id but not its process numbers.
    pub pid_namespace: String,
    /// The process.
    pub pid: u32,
    /// When the process started, in clock ticks since the boot (field 22 of `/proc/<pid>/stat`); 0 where unknown.
    pub started: u64,
    /// A random id: two leases of one process are two holders.
    pub id: String,
}

/// What is known about another holder's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// It is surely gone.
    Gone,
    /// It runs on this machine, and nobody has stopped it.
    Working,
    /// It may live: it is stopped, or nothing can be known from here.
    Unknown,
}

impl Holder {
    /// This process, as a holder of its own.
    pub fn this_process(chance: &dyn Chance) -> Self {
        let system = rustix::system::uname();
        let read = |path: &str| {
            fs::read_to_string(path)
                .map(|text| text.trim().to_owned())
                .unwrap_or_default()
        };
        let pid = std::process::id();
        Holder {
            host: system.nodename().to_string_lossy().into_owned(),
            machine: read("/etc/machine-id"),
            boot: read("/proc/sys/kernel/random/boot_id"),
            pid_namespace: fs::read_link("/proc/self/ns/pid")
                .map(|link| link.to_string_lossy().into_owned())
                .unwrap_or_default(),
            pid,
            started: started(pid).ok().flatten().unwrap_or_default(),
            id: format!("{:032x}", chance.bits()),
        }
    }

    /// What this holder, which lives, knows about the process of `other`.
    pub(crate) fn life_of(&self, other: &Holder) -> Life {
        let same = |mine: &str, theirs: &str| !mine.is_empty() && mine == theirs;
        if same(&self.boot, &other.boot) {
            if !same(&self.pid_namespace, &other.pid_namespace) || other.started == 0 {
                return Life::Unknown;
            }
            return life_here(other.pid, other.started);
        }
        // Another boot of this very machine: nothing of it lives. Name and id must both agree, as clones share either.
        let rebooted = same(&self.machine, &other.machine)
            && same(&self.host, &other.host)
            && !self.boot.is_empty()
            && !other.boot.is_empty();
        if rebooted { Life::Gone } else { Life::Unknown }
    }
}

fn life_here(pid: u32, started_then: u64) -> Life {
    match state_and_start(pid) {
        Ok(Some((state, now))) if now == started_then => match state {
            // Stopped by a signal, or by a debugger: it cannot say that it lives, and may go on in a year.
            'T' | 't' => Life::Unknown,
            _ => Life::Working,
        },
        // A zombie, or another process that got the number.
        Ok(_) => Life::Gone,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A /proc that hides other users' processes says "not found" too; the kernel knows better.
            let known = i32::try_from(pid).ok().and_then(Pid::from_raw).map(test_kill_process);
            if known == Some(Err(rustix::io::Errno::SRCH)) {
                Life::Gone
            } else {
                Life::Unknown
            }
        }
        Err(_) => Life::Unknown,
    }
}

/// When a process started, in ticks since the boot; `None` when it has ended and only waits to be reaped.
fn started(pid: u32) -> io::Result<Option<u64>> {
    Ok(state_and_start(pid)?.map(|(_, started)| started))
}

/// The letter of a process's state, and when it started; `None` as for [`started`].
fn state_and_start(pid: u32) -> io::Result<Option<(char, u64)>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the program's name in parentheses and may hold anything; the fields behind the last `)` are plain.
    let Some((_, fields)) = stat.rsplit_once(')') else {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    };
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next().and_then(|state| state.chars().next()).unwrap_or('?');
    if matches!(state, 'Z' | 'X' | 'x') {
        return Ok(None);
    }
    // The state is field 3; the start is field 22.
    match fields.nth(18).map(str::parse) {
        Some(Ok(ticks)) => Ok(Some((state, ticks))),
        _ => Err(io::Error::from(io::ErrorKind::InvalidData)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::SystemChance;

    #[test]
    fn only_what_is_known_is_called_gone() {
        let me = Holder::this_process(&SystemChance);
        let other = Holder {
            id: "other".to_owned(),
            ..me.clone()
        };
        assert_eq!(me.life_of(&other), Life::Working, "this very process lives");

        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let start = started(child.id()).unwrap().unwrap();
        let sleeper = Holder {
            pid: child.id(),
            started: start,
            ..other.clone()
        };
        assert_eq!(me.life_of(&sleeper), Life::Working);
        let child_pid = Pid::from_child(&child);
        rustix::process::kill_process(child_pid, rustix::process::Signal::STOP).unwrap();
        let stopped = rustix::process::WaitIdOptions::STOPPED;
        rustix::process::waitid(rustix::process::WaitId::Pid(child_pid), stopped).unwrap();
        assert_eq!(me.life_of(&sleeper), Life::Unknown, "one that is stopped may go on");
        assert_eq!(
            me.life_of(&Holder {
                started: start + 1,
                ..sleeper.clone()
            }),
            Life::Gone,
            "the number was reused"
        );
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(me.life_of(&sleeper), Life::Gone);

        let elsewhere = [
            Holder {
                pid_namespace: "pid:[1]".to_owned(),
                ..sleeper.clone()
            },
            Holder {
                boot: "other".to_owned(),
                host: "other".to_owned(),
                ..sleeper.clone()
            },
            Holder {
                boot: "other".to_owned(),
                machine: String::new(),
                ..sleeper.clone()
            },
            Holder {
                boot: String::new(),
                ..sleeper.clone()
            },
        ];
        for holder in elsewhere {
            assert_eq!(me.life_of(&holder), Life::Unknown, "{holder:?}");
        }
        let me = Holder {
            machine: "m".to_owned(),
            ..me
        };
        let rebooted = Holder {
            machine: "m".to_owned(),
            boot: "before".to_owned(),
            ..sleeper
        };
        assert_eq!(me.life_of(&rebooted), Life::Gone);
    }

    #[test]
    fn a_zombie_holds_nothing() {
        let me = Holder::this_process(&SystemChance);
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let start = started(child.id()).unwrap().unwrap();
        child.kill().unwrap();
        let pid = Pid::from_child(&child);
        let options = rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT;
        rustix::process::waitid(rustix::process::WaitId::Pid(pid), options).unwrap();
        let zombie = Holder {
            pid: child.id(),
            started: start,
            ..me.clone()
        };
        assert_eq!(me.life_of(&zombie), Life::Gone);
        child.wait().unwrap();
    }
}
