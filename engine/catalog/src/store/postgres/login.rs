//! Who connects, and with which password: as PostgreSQL's own clients find both.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::url::PostgresAddress;

/// Others than the owner may not read a file of passwords.
const OTHERS: u32 = 0o077;

/// A user, and the password if one was found. It is never printed.
#[derive(PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: Option<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// The user of the address, of `PGUSER` or of this process; the password of `PGPASSWORD`, of the file that `PGPASSFILE` names,
/// or of `~/.pgpass`. `variable` is the environment.
///
/// # Errors
/// Nobody says who the user is; a file of passwords is open to others or cannot be read.
pub(super) fn login(address: &PostgresAddress, variable: impl Fn(&str) -> Option<OsString>) -> io::Result<Login> {
    let text = |name: &str| variable(name)?.into_string().ok().filter(|text| !text.is_empty());
    let user = address.user.clone();
    let user = user
        .or_else(|| text("PGUSER"))
        .or_else(|| text("USER"))
        .or_else(|| text("LOGNAME"));
    let Some(user) = user else {
        return Err(io::Error::other(
            "no user is named: neither in the address nor by `PGUSER` or `USER`",
        ));
    };
    if let Some(password) = text("PGPASSWORD") {
        return Ok(Login {
            user,
            password: Some(password),
        });
    }
    let named = variable("PGPASSFILE")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    let is_named = named.is_some();
    let file = named.or_else(|| Some(Path::new(&variable("HOME")?).join(".pgpass")));
    let lines = match file.as_deref().map(read_private) {
        None => None,
        Some(Ok(lines)) => Some(lines),
        // The usual file need not be there; one that is named should be.
        Some(Err(error)) if error.kind() == io::ErrorKind::NotFound && !is_named => None,
        Some(Err(error)) => {
            let path = file.unwrap_or_default();
            return Err(io::Error::new(error.kind(), format!("`{}`: {error}", path.display())));
        }
    };
    let password = lines.and_then(|lines| lines.lines().find_map(|line| password_in(line, address, &user)));
    Ok(Login { user, password })
}

fn read_private(path: &Path) -> io::Result<String> {
    let meta = std::fs::metadata(path)?;
    if meta.mode() & OTHERS != 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it holds passwords and is open to others than its owner (`chmod 600` closes it)",
        ));
    }
    std::fs::read_to_string(path)
}

/// The password of a line `host:port:database:user:password`, if it is about this connection. `*` stands for anything; `\`
/// takes the meaning from a `:` or a `\` that follows.
fn password_in(line: &str, address: &PostgresAddress, user: &str) -> Option<String> {
    if line.starts_with('#') {
        return None;
    }
    let mut rest = line;
    for wanted in [&address.host, &address.port.to_string(), &address.database, user] {
        let (field, after) = field_of(rest)?;
        if field.raw != "*" && field.meant != *wanted {
            return None;
        }
        rest = after;
    }
    let password = unescaped(rest);
    (!password.is_empty()).then_some(password)
}

struct Field<'l> {
    raw: &'l str,
    meant: String,
}

/// The text up to the next `:` that means one, and what follows it.
fn field_of(line: &str) -> Option<(Field<'_>, &str)> {
    let mut is_escaped = false;
    let end = line.char_indices().find_map(|(at, c)| {
        let ends = c == ':' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends.then_some(at)
    })?;
    let (raw, after) = line.split_at_checked(end)?;
    let meant = unescaped(raw);
    Some((Field { raw, meant }, after.strip_prefix(':')?))
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next().unwrap_or('\\') } else { c });
    }
    out
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn address() -> PostgresAddress {
        "postgres://db.example:6432/dram".parse().unwrap()
    }

    fn with(variables: &[(&str, &str)]) -> io::Result<Login> {
        login(&address(), |name| {
            let found = variables.iter().find(|(known, _)| *known == name)?;
            Some(OsString::from(found.1))
        })
    }

    #[test]
    fn the_user_is_said_by_the_address_or_the_environment() {
        assert_eq!(with(&[("USER", "me"), ("PGUSER", "pg")]).unwrap().user, "pg");
        assert_eq!(with(&[("USER", "me"), ("PGUSER", "")]).unwrap().user, "me");
        assert!(with(&[]).unwrap_err().to_string().contains("PGUSER"));
        let named = "postgres://you@db/dram".parse().unwrap();
        assert_eq!(login(&named, |_| Some("me".into())).unwrap().user, "you");
    }

    #[test]
    fn passwords_are_found_where_others_find_them() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(".pgpass");
        let home = home.path().to_str().unwrap();
        let password = || with(&[("USER", "me"), ("HOME", home)]).unwrap().password;
        assert_eq!(password(), None);
        std::fs::write(
            &file,
            "# a comment\nother:*:*:*:no\ndb.example:6432:dram:m\\e:\nhalf\ndb.example:*:dram:me:hun\\:ter\\\\2:x\n*:*:*:*:late\n",
        )
        .unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let open = with(&[("USER", "me"), ("HOME", home)]).unwrap_err().to_string();
        assert!(
            open.contains("chmod 600") && open.contains(".pgpass") && !open.contains("hun"),
            "{open}"
        );
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(password().as_deref(), Some("hun:ter\\2:x"));
        let first = with(&[("USER", "me"), ("HOME", home), ("PGPASSWORD", "env")]).unwrap();
        assert_eq!(first.password.as_deref(), Some("env"));
        assert!(!format!("{first:?}").contains("env"));
        let other = with(&[("USER", "you"), ("HOME", home)]).unwrap();
        assert_eq!(other.password.as_deref(), Some("late"));
        let named = with(&[("USER", "me"), ("PGPASSFILE", "/nowhere/pass")]).unwrap_err();
        assert!(
            named.to_string().contains("/nowhere/pass"),
            "a file that is named should be there"
        );
    }
}
