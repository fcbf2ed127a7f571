//! A Redis of Debian on this machine's loopback.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::call::Call;
use crate::error::{Doing as _, Result};
use crate::http;
use crate::lab::daemon::{Daemon, Ground, User};
use crate::lab::random_hex;
use crate::lab::system::debian;
use crate::world::write;

const LAB: &str = "Redis";
const PATIENCE: Duration = Duration::from_secs(60);

/// Installs what is missing.
///
/// # Errors
/// It cannot be installed here.
pub fn install() -> Result<()> {
    program().map(drop)
}

fn program() -> Result<PathBuf> {
    debian(LAB, "redis-server", "redis-server")
}

/// A server that runs: it appends what it is told to a file, and wants a password, another one as a replica.
#[derive(Debug)]
pub struct Server {
    port: u16,
    password: String,
    file: PathBuf,
    program: PathBuf,
    configuration: PathBuf,
    daemon: Daemon,
    // Removed when nothing runs in it any more.
    _ground: Ground,
}

impl Server {
    /// Installs what is missing, and starts an empty one.
    ///
    /// # Errors
    /// It cannot be installed here, or does not start.
    pub fn start() -> Result<Server> {
        let program = program()?;
        let ground = Ground::new("redis")?;
        let (data, port, password) = (ground.folder("data")?, http::free_port()?, random_hex(16)?);
        let configuration = ground.path().join("redis.conf");
        let lines = [
            "bind 127.0.0.1".to_owned(),
            format!("port {port}"),
            format!("dir {}", data.display()),
            "appendonly yes".to_owned(),
            format!("requirepass {password}"),
            "masterauth \"of its source\"".to_owned(),
        ];
        write(&configuration, &lines.join("\n"))?;
        let file = ground.path().join("password");
        write(&file, &format!("{password}\n"))?;
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&file, private).doing(|| "hide the password".to_owned())?;
        let daemon = started(&program, &configuration, port, &password)?;
        Ok(Server {
            port,
            password,
            file,
            program,
            configuration,
            daemon,
            _ground: ground,
        })
    }

    /// Stops it as a power cut would, and starts it again with what it had kept.
    ///
    /// # Errors
    /// It does not start.
    pub fn restart(&mut self) -> Result<()> {
        self.daemon.kill()?;
        self.daemon = started(&self.program, &self.configuration, self.port, &self.password)?;
        Ok(())
    }

    /// The port on this machine's loopback.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// A file with the password.
    pub fn password_file(&self) -> &Path {
        &self.file
    }

    /// A call of its client.
    pub fn client(&self) -> Call {
        client(self.port, &self.password)
    }
}

fn started(program: &Path, configuration: &Path, port: u16, password: &str) -> Result<Daemon> {
    let words = [program.display().to_string(), configuration.display().to_string()];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut daemon = Daemon::start(LAB, &words, User::Own, &configuration.with_file_name("redis.log"))?;
    daemon.answers(PATIENCE, || {
        let asked = client(port, password).arg("PING").text();
        asked.is_ok_and(|answer| answer.trim() == "PONG")
    })?;
    Ok(daemon)
}

fn client(port: u16, password: &str) -> Call {
    let call = Call::new("redis-cli").env("REDISCLI_AUTH", password);
    call.args(["--no-auth-warning", "-p", &port.to_string()])
}
