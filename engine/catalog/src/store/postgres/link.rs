//! The connection: made when it is needed first, made again when it is lost, shared by all threads of a store.

use std::ffi::OsString;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dram_storage::retry::persevere;
use dram_storage::{Cancel, Patience, block_on};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, Error, config};

use super::schema::{self, Found, VERSION};
use super::{fault, login, tls};
use crate::store::{Action, Fault, StoreError};
use crate::url::{PostgresAddress, SslMode};

/// A connection that is not there by then is none.
const CONNECT: Duration = Duration::from_secs(5);
/// What a call may take: records are small, and people wait for them.
const ANSWER: Duration = Duration::from_secs(10);
/// After so long in silence the system asks whether the other side is still there.
const SILENCE: Duration = Duration::from_secs(30);

/// Settings of a session that our guarantees rest on, whatever the server or the user's role says: an answered create is on
/// disk (a stronger setting is left), a conflict between creates is waited for instead of failing, and a statement that we no
/// longer wait for ends.
const SESSION: &str = "SELECT \
     set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false), \
     set_config('default_transaction_isolation', 'read committed', false), \
     set_config('statement_timeout', $1, false), \
     pg_is_in_recovery()";

/// Looks a variable up by its name.
pub(super) type Environment = fn(&str) -> Option<OsString>;

/// A server as one store sees it.
#[derive(Debug)]
pub(super) struct Link {
    address: PostgresAddress,
    environment: Environment,
    /// A call that has no answer by then is given up, and its connection with it.
    pub(super) answer: Duration,
    /// How long calls are tried again.
    pub(super) patience: Patience,
    current: Mutex<Option<Arc<Open>>>,
}

/// A connection that is ready for use.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) client: Client,
    /// What was found in the schema.
    pub(super) found: Found,
    driver: AbortHandle,
}

impl Link {
    pub(super) fn new(address: &PostgresAddress, environment: Environment) -> Self {
        Link {
            address: address.clone(),
            environment,
            answer: ANSWER,
            patience: Patience::SHORT,
            current: Mutex::new(None),
        }
    }

    pub(super) fn address(&self) -> &PostgresAddress {
        &self.address
    }

    /// Runs a call; `None` if there are no tables of ours. It is tried again for as long as somebody waits for a record, and
    /// may therefore have had its effect at an attempt whose answer was lost.
    ///
    /// Threads share the connection: their calls are sent one behind another without waiting for answers in between.
    pub(super) fn call<T>(
        &self,
        action: Action,
        key: &str,
        run: impl AsyncFn(&Client) -> Result<T, Error>,
    ) -> Result<Option<T>, StoreError> {
        block_on(persevere(&self.patience, &Cancel::new(), async || {
            let session = self.session(action, key).await?;
            if session.found == Found::Nothing {
                return Ok(None);
            }
            match timeout(self.answer, run(&session.client)).await {
                Ok(Ok(answer)) => Ok(Some(answer)),
                Ok(Err(error)) => Err(self.error(action, key, fault::of(&error))),
                Err(_) => {
                    // Nobody knows whether the call is still carried out; the next one must not stand in line behind it.
                    session.driver.abort();
                    Err(self.silent(action, key, self.answer))
                }
            }
        }))?
    }

    /// The connection that stands, or a new one.
    async fn session(&self, action: Action, key: &str) -> Result<Arc<Open>, StoreError> {
        let standing = self.slot().clone();
        if let Some(session) = standing.filter(|session| !session.client.is_closed()) {
            return Ok(session);
        }
        let made = Arc::new(self.connect(action, key).await?);
        if made.found != Found::Nothing {
            // Two threads may have connected at once: one connection stays.
            let mut slot = self.slot();
            return Ok(match &*slot {
                Some(other) if !other.client.is_closed() => Arc::clone(other),
                _ => {
                    *slot = Some(Arc::clone(&made));
                    made
                }
            });
        }
        // Whoever finds no tables looks again the next time.
        Ok(made)
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Arc<Open>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection of its own.
    ///
    /// # Errors
    /// The server cannot be reached or does not let us in, cannot be written to, or has tables of another release.
    pub(super) async fn connect(&self, action: Action, key: &str) -> Result<Open, StoreError> {
        let session = self.connect_to_any(action, key).await?;
        let schema = &self.address.schema;
        let other = |why: String| self.error(action, key, (Fault::OtherRelease, io::Error::other(why)));
        match session.found {
            Found::Tables { min_reader, version } if min_reader > VERSION => Err(other(format!(
                "the tables in `{schema}` have version {version}, this release reads {VERSION}"
            ))),
            Found::Tables { version, .. } if version < VERSION => Err(other(format!(
                "the tables in `{schema}` have version {version}, this release needs {VERSION}"
            ))),
            Found::Nothing | Found::Tables { .. } => Ok(session),
        }
    }

    /// The same, whatever the version of the tables.
    pub(super) async fn connect_to_any(&self, action: Action, key: &str) -> Result<Open, StoreError> {
        match timeout(self.answer, self.greet(action, key)).await {
            Ok(session) => session,
            Err(_) => Err(self.silent(action, key, self.answer)),
        }
    }

    async fn greet(&self, action: Action, key: &str) -> Result<Open, StoreError> {
        let fail = |error: Error| self.error(action, key, fault::of(&error));
        let untrusted = |error| self.error(action, key, (Fault::Untrusted, error));
        let connector = tls::connector(self.address.sslmode).map_err(untrusted)?;
        let config = self.config(action, key)?;
        let (client, connection) = config.connect(connector).await.map_err(fail)?;
        // How a connection ended is told by the calls on it.
        let driver = tokio::spawn(async move { drop(connection.await) }).abort_handle();
        let limit = self.answer.as_millis().to_string();
        let row = client
            .query_typed_one(SESSION, &[(&limit, Type::TEXT)])
            .await
            .map_err(fail)?;
        if row.try_get::<_, bool>(3).map_err(fail)? {
            let why = "this server is a standby, which may lag behind; name the one that is written to";
            return Err(self.error(action, key, (Fault::Unreachable, io::Error::other(why))));
        }
        let found = schema::find(&client, &self.address.schema).await.map_err(fail)?;
        Ok(Open { client, found, driver })
    }

    fn config(&self, action: Action, key: &str) -> Result<Config, StoreError> {
        let login = login::login(&self.address, self.environment);
        let login = login.map_err(|error| self.error(action, key, (Fault::Credentials, error)))?;
        let mut config = Config::new();
        config
            .host(&self.address.host)
            .port(self.address.port)
            .dbname(&self.address.database)
            .user(login.user)
            .application_name("dram")
            .connect_timeout(CONNECT)
            .keepalives_idle(SILENCE)
            .tcp_user_timeout(SILENCE)
            .ssl_mode(match self.address.sslmode {
                SslMode::Disable => config::SslMode::Disable,
                SslMode::Prefer => config::SslMode::Prefer,
                SslMode::Require | SslMode::VerifyFull => config::SslMode::Require,
            });
        if let Some(password) = login.password {
            config.password(password);
        }
        Ok(config)
    }

    pub(super) fn silent(&self, action: Action, key: &str, waited: Duration) -> StoreError {
        let why = io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {waited:?}"));
        self.error(action, key, (Fault::Unreachable, why))
    }

    pub(super) fn error(&self, action: Action, key: &str, (fault, source): (Fault, io::Error)) -> StoreError {
        let place = if key.is_empty() {
            self.address.to_string()
        } else {
            format!("{key} in {}", self.address)
        };
        StoreError {
            fault,
            action,
            place,
            source,
        }
    }
}
