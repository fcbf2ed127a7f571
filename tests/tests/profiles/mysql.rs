//! MariaDB.

use dram_tests::call::Call;
use dram_tests::error::{Result, claim};
use dram_tests::lab::mariadb::Server;
use dram_tests::lab::skip;
use dram_tests::world::{FILES, World};

use crate::COMPONENT;
use crate::writer::{HALVES, ORDERS, Session, TABLES, is_whole, order, protected_while};

/// What else a database holds: a view, a procedure, an event, and bytes and letters of all kinds.
const MORE: &str = r#"
CREATE TABLE `odd names` (id int PRIMARY KEY, bytes blob, letters text CHARACTER SET utf8mb4);
INSERT INTO `odd names` VALUES (1, 0x000d0a1a27225cff, 'ü 🦀 '' \\ \r\n');
CREATE VIEW newest AS SELECT max(id) FROM orders;
DELIMITER //
CREATE PROCEDURE counted() BEGIN SELECT count(*) FROM orders; END//
CREATE TRIGGER odd BEFORE UPDATE ON `odd names` FOR EACH ROW BEGIN SET NEW.id = NEW.id; END//
CREATE EVENT weekly ON SCHEDULE EVERY 1 WEEK DO BEGIN DELETE FROM orders WHERE id < 0; END//
"#;

/// All that must be as it was beside orders.
const REST: &str = "SELECT id, hex(bytes), hex(letters) FROM `odd names`; \
    SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1; \
    SELECT routine_name FROM information_schema.routines WHERE routine_schema = DATABASE(); \
    SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE(); \
    SELECT event_name, interval_value, interval_field, status FROM information_schema.events \
    WHERE event_schema = DATABASE();";

struct Mariadb {
    server: Server,
    world: World,
}

impl Mariadb {
    /// A server with a database `my shop`, and a world whose application uses the profile; nothing if there is no server.
    fn at_hand(test: &str) -> Result<Option<Mariadb>> {
        let Some(server) = skip(test, Server::start())? else {
            return Ok(None);
        };
        let world = World::temporary(FILES)?;
        let profile = format!(
            "      profile: {{ use: mysql, with: {{ database: my shop, host: 127.0.0.1, port: {}, options: \"{}\" }} }}",
            server.port(),
            server.options().display()
        );
        world.change_model(&[(COMPONENT, &profile)])?;
        server.client().args(["--execute", "CREATE DATABASE `my shop`"]).ok()?;
        let mariadb = Mariadb { server, world };
        mariadb.sql(TABLES)?;
        mariadb.shop().stdin(MORE).ok()?;
        Ok(Some(mariadb))
    }

    fn shop(&self) -> Call {
        let words = ["--batch", "--skip-column-names", "--unbuffered", "--database=my shop"];
        self.server.client().args(words)
    }

    fn sql(&self, statements: &str) -> Result<String> {
        self.shop().args(["--execute", statements]).text()
    }

    fn restored(&self) -> Result<()> {
        let dram = self.world.dram();
        dram.args(["restore", "files", "--overwrite"]).ok().map(drop)
    }
}

#[test]
fn a_mariadb_that_is_written_to_comes_back_whole() -> Result<()> {
    let Some(mariadb) = Mariadb::at_hand("a_mariadb_that_is_written_to_comes_back_whole")? else {
        return Ok(());
    };
    let rest = mariadb.sql(REST)?;
    mariadb.world.declare()?;
    let mut session = Session::open(mariadb.shop())?;
    let protect = mariadb.world.dram().args(["protect", "files"]);
    let noted = protected_while(&mariadb.world, protect, move |number| {
        session.ask(&format!("{} SELECT {number};", order(number)))
    })?;

    // A server that has no such database.
    mariadb
        .server
        .client()
        .args(["--execute", "DROP DATABASE `my shop`"])
        .ok()?;
    mariadb.restored()?;
    is_whole(&mariadb.sql(ORDERS)?, &mariadb.sql(HALVES)?, &noted)?;
    let found = mariadb.sql(REST)?;
    claim("the rest is as it was", found == rest, || found.clone())?;

    // A database that went on, with somebody in the middle of a transaction.
    mariadb.sql("DELETE FROM orders; CREATE TABLE later (id int); DROP PROCEDURE counted;")?;
    let mut idle = Session::open(mariadb.shop())?;
    idle.ask("BEGIN; SELECT count(*) FROM parts;")?;
    mariadb.restored()?;
    is_whole(&mariadb.sql(ORDERS)?, &mariadb.sql(HALVES)?, &noted)?;
    let found = mariadb.sql(REST)?;
    claim("what came later is gone", found == rest, || found.clone())
}

/// A dump that fails makes no point, and says why in the server's words.
#[test]
fn a_mariadb_without_the_database_makes_no_point() -> Result<()> {
    let Some(mariadb) = Mariadb::at_hand("a_mariadb_without_the_database_makes_no_point")? else {
        return Ok(());
    };
    let world = &mariadb.world;
    world.declare()?;
    mariadb.sql("DROP DATABASE `my shop`")?;
    let failed = world.dram().args(["protect", "files"]).run()?.expect_code(1)?;
    failed.expect_failure(&["Unknown database", "my shop"])?;
    let points = world.points("files")?;
    claim("there is no point", points.is_empty(), || format!("{points:?}"))
}
