//! A PostgreSQL of Debian on this machine's loopback, with a database of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use crate::call::{self, Call};
use crate::error::{Doing as _, Result};
use crate::http;
use crate::lab::daemon::{Daemon, Ground, User, numbers};
use crate::lab::random_hex;
use crate::lab::system::{debian_all, needed, unavailable};
use crate::world::write;

const LAB: &str = "PostgreSQL";
/// The role that owns it, and its first database.
pub const NAME: &str = "dram";
const PATIENCE: Duration = Duration::from_secs(60);

/// Installs what is missing.
///
/// # Errors
/// It cannot be installed here.
pub fn install() -> Result<()> {
    if bin().is_some() {
        return Ok(());
    }
    debian_all(LAB, &["postgresql"], &["psql", "setpriv"])
}

/// The newest server on this machine: Debian keeps them off the `PATH`.
fn bin() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|version| {
            Some((
                version.file_name().to_str()?.parse::<u32>().ok()?,
                version.path().join("bin"),
            ))
        })
        .filter(|(_, bin)| bin.join("initdb").is_file())
        .max()
        .map(|(_, bin)| bin);
    newest.or_else(|| Some(call::on_path("initdb", &call::path())?.parent()?.to_owned()))
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    port: u16,
    password: String,
    bin: PathBuf,
    user: User,
    data: PathBuf,
    daemon: Daemon,
    // Removed when nothing runs in it any more.
    _ground: Ground,
}

impl Server {
    /// Starts an empty one: a user, a password, a database.
    ///
    /// # Errors
    /// It does not start.
    pub fn start() -> Result<Server> {
        let bin = bin().ok_or_else(|| unavailable(LAB, "there is no `initdb`"))?;
        // It refuses to run as root.
        let user = if rustix::process::geteuid().is_root() {
            numbers(LAB, "postgres").or_else(|_| numbers(LAB, "nobody"))?
        } else {
            User::Own
        };
        let ground = Ground::new("postgres")?;
        let data = ground.folder("data")?;
        let (password, port) = (random_hex(16)?, http::free_port()?);
        let file = ground.path().join("password");
        write(&file, &password)?;
        for path in [&data, &file] {
            give(path, user)?;
        }
        let words = [
            "-U",
            NAME,
            "-A",
            "scram-sha-256",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-sync",
        ];
        let made = as_user(&bin.join("initdb"), user)
            .args(words)
            .arg("--pwfile")
            .arg(&file);
        needed(LAB, made.arg("-D").arg(&data).dir("/"))?;
        let daemon = start(&bin, &data, user, port)?;
        let server = Server {
            port,
            password,
            bin,
            user,
            data,
            daemon,
            _ground: ground,
        };
        needed(LAB, server.client("createdb").arg(NAME))?;
        Ok(server)
    }

    /// The address of its database, without the password.
    pub fn url(&self) -> String {
        format!("postgres://{NAME}@127.0.0.1:{}/{NAME}", self.port)
    }

    /// The password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Stops it without waiting for clients, and starts it again: their connections are gone, the rows are not.
    ///
    /// # Errors
    /// It does not start.
    pub fn restart(&mut self) -> Result<()> {
        self.stop()?;
        self.start_again()
    }

    /// Stops it without waiting for clients.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn stop(&mut self) -> Result<()> {
        self.daemon.stop_by(Signal::INT)
    }

    /// Starts a stopped one with the rows that it had, at the same port.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_again(&mut self) -> Result<()> {
        self.daemon = start(&self.bin, &self.data, self.user, self.port)?;
        Ok(())
    }

    /// The folder of its programs.
    pub fn programs(&self) -> &Path {
        &self.bin
    }

    /// The port on this machine's loopback.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// A call of one of its programs, as its owner.
    pub fn client(&self, program: &str) -> Call {
        let call = Call::new(self.bin.join(program)).env("PGPASSWORD", &self.password);
        let port = self.port.to_string();
        call.args(["-h", "127.0.0.1", "-U", NAME, "-p", &port]).dir("/")
    }
}

fn start(bin: &Path, data: &Path, user: User, port: u16) -> Result<Daemon> {
    let (program, folder, port_text) = (
        bin.join("postgres").display().to_string(),
        data.display().to_string(),
        port.to_string(),
    );
    let sockets = format!("unix_socket_directories={folder}");
    let words = [program.as_str(), "-D", &folder, "-p", &port_text];
    // It waits for its disk as a real one does: `dram doctor` refuses one that does not.
    let settings = ["listen_addresses=127.0.0.1", &sockets, "max_connections=300"];
    let settings: Vec<&str> = settings.into_iter().flat_map(|setting| ["-c", setting]).collect();
    let log = data.with_file_name("postgres.log");
    let mut daemon = Daemon::start(LAB, &[&words[..], &settings].concat(), user, &log)?;
    daemon.answers(PATIENCE, || {
        let port = port.to_string();
        let asked = Call::new(bin.join("pg_isready"))
            .args(["-q", "-h", "127.0.0.1", "-p", &port])
            .run();
        asked.is_ok_and(|asked| asked.code() == Some(0))
    })?;
    Ok(daemon)
}

fn as_user(program: &Path, user: User) -> Call {
    match user {
        User::Own => Call::new(program),
        User::Other { user, group } => {
            let call = Call::new("setpriv").arg(format!("--reuid={user}"));
            call.arg(format!("--regid={group}"))
                .args(["--clear-groups", "--"])
                .arg(program)
        }
    }
}

fn give(path: &Path, user: User) -> Result<()> {
    let User::Other { user, group } = user else {
        return Ok(());
    };
    std::os::unix::fs::chown(path, Some(user), Some(group)).doing(|| format!("give `{}` away", path.display()))
}
