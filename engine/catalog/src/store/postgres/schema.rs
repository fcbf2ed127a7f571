//! The tables of a catalog, and how they come to be.

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error};

/// The version of the tables that this release makes.
pub(super) const VERSION: i32 = 1;

/// What was found in a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// No tables of ours; perhaps not even the schema.
    Nothing,
    /// Our tables.
    Tables {
        /// The version they were made or brought up to.
        version: i32,
        /// The oldest version whose programs work with them.
        min_reader: i32,
    },
}

/// Steps from each version to the next; the first one makes everything. A step is never changed once it was released.
///
/// A folder ends with its slash, the catalog itself is the empty text, and both columns sort by byte: what lies below a folder
/// is one stretch of the index, and a record is found, made and listed without looking at any other folder.
const STEPS: [&str; 1] = [r#"
    CREATE TABLE "{schema}".dram_schema (version integer NOT NULL, min_reader integer NOT NULL);
    CREATE TABLE "{schema}".records (
        folder text COLLATE "C" NOT NULL,
        name text COLLATE "C" NOT NULL,
        bytes bytea NOT NULL,
        made timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (folder, name)
    );
    COMMENT ON COLUMN "{schema}".records.made IS 'for people; nothing is decided by it';
    INSERT INTO "{schema}".dram_schema VALUES (1, 1);
"#];

/// Looks for our tables. `schema` is a checked name.
///
/// # Errors
/// The server's.
pub(super) async fn find(client: &Client, schema: &str) -> Result<Found, Error> {
    // The tables of the system are asked and not `to_regclass`: that looks into a cache, in which another program's work that
    // was waited for within a transaction is not seen yet.
    const OURS: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_class AS class \
         JOIN pg_catalog.pg_namespace AS space ON space.oid = class.relnamespace \
         WHERE space.nspname = $1 AND class.relname = 'dram_schema')";
    let there = client.query_typed_one(OURS, &[(&schema, Type::TEXT)]).await?;
    if !there.try_get::<_, bool>(0)? {
        return Ok(Found::Nothing);
    }
    let row = client
        .query_typed_one(
            &format!(r#"SELECT version, min_reader FROM "{schema}".dram_schema"#),
            &[],
        )
        .await?;
    Ok(Found::Tables {
        version: row.try_get(0)?,
        min_reader: row.try_get(1)?,
    })
}

/// A name in a schema.
const FOREIGN: &str = "SELECT class.relname::text FROM pg_catalog.pg_class AS class \
     JOIN pg_catalog.pg_namespace AS space ON space.oid = class.relnamespace \
     WHERE space.nspname = $1 ORDER BY class.relname LIMIT 1";

/// How preparing a schema ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Prepared {
    /// The tables are there, as this release knows them or newer.
    Ready(Found),
    /// The schema holds something else, of that name.
    Foreign(String),
}

/// Makes the schema and its tables, or brings them up to date; programs that prepare it at the same time wait for one another.
/// A newer version is left as it is.
///
/// # Errors
/// The server's; then nothing has changed.
pub(super) async fn prepare(client: &mut Client, schema: &str) -> Result<Prepared, Error> {
    let work = client.transaction().await?;
    let lock = format!("dram catalog {schema}");
    work.query_typed(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
        &[(&lock, Type::TEXT)],
    )
    .await?;
    let at = match find(work.client(), schema).await? {
        Found::Tables { version, .. } => version,
        Found::Nothing => {
            let there = work
                .query_typed_opt(
                    "SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1",
                    &[(&schema, Type::TEXT)],
                )
                .await?;
            if there.is_none() {
                work.batch_execute(&format!(r#"CREATE SCHEMA "{schema}""#)).await?;
            } else if let Some(row) = work.query_typed_opt(FOREIGN, &[(&schema, Type::TEXT)]).await? {
                return Ok(Prepared::Foreign(row.try_get(0)?));
            }
            0
        }
    };
    let done = usize::try_from(at).unwrap_or_default();
    for step in STEPS.iter().skip(done) {
        work.batch_execute(&step.replace("{schema}", schema)).await?;
    }
    let found = find(work.client(), schema).await?;
    work.commit().await?;
    Ok(Prepared::Ready(found))
}
