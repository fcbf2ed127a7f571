//! A MariaDB of Debian on this machine's loopback.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::call::Call;
use crate::error::{Doing as _, Result};
use crate::http;
use crate::lab::daemon::{Daemon, Ground, User, numbers};
use crate::lab::random_hex;
use crate::lab::system::{debian, needed};
use crate::world::write;

const LAB: &str = "MariaDB";
const PATIENCE: Duration = Duration::from_secs(60);

/// Installs what is missing.
///
/// # Errors
/// It cannot be installed here.
pub fn install() -> Result<()> {
    program().map(drop)
}

fn program() -> Result<PathBuf> {
    debian(LAB, "mariadb-server", "mariadbd")
}

/// A server that runs, with a user who may do everything.
#[derive(Debug)]
pub struct Server {
    port: u16,
    options: PathBuf,
    _daemon: Daemon,
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
        // It refuses to run as root.
        let (user, name) = if rustix::process::geteuid().is_root() {
            (numbers(LAB, "mysql")?, Some("mysql"))
        } else {
            (User::Own, None)
        };
        let ground = Ground::new("mariadb")?;
        // Temporary files are named after the process's number, which another server may have in a space of its own.
        let scratch = ground.folder("scratch")?;
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o1777);
        std::fs::set_permissions(&scratch, open).doing(|| "open a folder for all".to_owned())?;
        let (data, port, password) = (ground.folder("data")?, http::free_port()?, random_hex(16)?);
        let installed = Call::new("mariadb-install-db")
            .env("TMPDIR", &scratch)
            .args([
                "--no-defaults",
                "--skip-test-db",
                "--auth-root-authentication-method=normal",
            ])
            .args(name.map(|name| format!("--user={name}")));
        needed(LAB, installed.arg(format!("--datadir={}", data.display())).dir("/"))?;
        let first = data.join("first.sql");
        let statements = [
            format!("CREATE USER dram@'127.0.0.1' IDENTIFIED BY '{password}';"),
            "GRANT ALL ON *.* TO dram@'127.0.0.1';".to_owned(),
            format!("ALTER USER root@localhost IDENTIFIED BY '{password}';"),
        ];
        write(&first, &statements.join("\n"))?;
        let options = ground.path().join("client.cnf");
        write(&options, &format!("[client]\nuser=dram\npassword={password}\n"))?;
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&options, private).doing(|| "hide the password".to_owned())?;
        let mut daemon = started(&program, &data, &first, user, port)?;
        daemon.answers(PATIENCE, || {
            let asked = client(&options, port).args(["--execute", "SELECT 1"]).run();
            asked.is_ok_and(|asked| asked.code() == Some(0))
        })?;
        Ok(Server {
            port,
            options,
            _daemon: daemon,
            _ground: ground,
        })
    }

    /// The port on this machine's loopback.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// An option file with user and password.
    pub fn options(&self) -> &Path {
        &self.options
    }

    /// A call of its client.
    pub fn client(&self) -> Call {
        client(&self.options, self.port)
    }
}

fn started(program: &Path, data: &Path, first: &Path, user: User, port: u16) -> Result<Daemon> {
    let words = [
        program.display().to_string(),
        "--no-defaults".to_owned(),
        format!("--datadir={}", data.display()),
        format!("--tmpdir={}", data.with_file_name("scratch").display()),
        format!("--socket={}", data.join("socket").display()),
        format!("--pid-file={}", data.join("pid").display()),
        format!("--init-file={}", first.display()),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--port={port}"),
    ];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Daemon::start(LAB, &words, user, &data.with_file_name("mariadb.log"))
}

fn client(options: &Path, port: u16) -> Call {
    let call = Call::new("mariadb").arg(format!("--defaults-file={}", options.display()));
    let port = format!("--port={port}");
    call.args(["--host=127.0.0.1", &port, "--default-character-set=utf8mb4"])
}
