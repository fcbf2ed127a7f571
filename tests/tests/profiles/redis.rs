//! Redis.

use dram_tests::call::Call;
use dram_tests::error::{Result, claim};
use dram_tests::http::free_port;
use dram_tests::lab::redis::Server;
use dram_tests::lab::skip;
use dram_tests::world::{FILES, World};

use crate::COMPONENT;
use crate::writer::{Session, is_whole, protected_while};

/// Orders without two lines, and lines without an order.
const HALVES: &str = "local halves = 0 \
    for _, id in ipairs(redis.call('ZRANGE', 'orders', 0, -1)) do \
    if redis.call('LLEN', 'lines:' .. id) ~= 2 then halves = halves + 1 end end \
    return halves + #redis.call('KEYS', 'lines:*') - redis.call('ZCARD', 'orders')";

struct Redis {
    server: Server,
    world: World,
}

impl Redis {
    /// A server, and a world whose application uses the profile; nothing if there is no server.
    fn at_hand(test: &str) -> Result<Option<Redis>> {
        let Some(server) = skip(test, Server::start())? else {
            return Ok(None);
        };
        let world = World::temporary(FILES)?;
        let with = format!(
            "port: {}, password-file: \"{}\", restore-port: {}",
            server.port(),
            server.password_file().display(),
            free_port()?
        );
        let profile = format!("      profile: {{ use: redis, with: {{ {with} }} }}");
        world.change_model(&[(COMPONENT, &profile)])?;
        Ok(Some(Redis { server, world }))
    }

    fn ask(&self, words: &[&str]) -> Result<String> {
        self.server.client().args(words).text()
    }

    fn dram(&self, words: &[&str]) -> Call {
        self.world.dram().args(words)
    }

    /// What must be as it was beside orders, and how the server is set up.
    fn rest(&self) -> Result<String> {
        let asked: [&[&str]; 6] = [
            &["-n", "3", "GET", "other"],
            &["FCALL", "answer", "0"],
            &["CONFIG", "GET", "masterauth"],
            &["CONFIG", "GET", "masteruser"],
            &["CONFIG", "GET", "appendonly"],
            &["GET", "later"],
        ];
        let answers: Result<Vec<String>> = asked.into_iter().map(|words| self.ask(words)).collect();
        let role = self.ask(&["INFO", "replication"])?;
        let role = role.lines().find(|line| line.starts_with("role:")).unwrap_or_default();
        Ok(format!("{}{role}", answers?.concat()))
    }
}

#[test]
fn a_redis_that_is_written_to_comes_back_whole() -> Result<()> {
    let Some(mut redis) = Redis::at_hand("a_redis_that_is_written_to_comes_back_whole")? else {
        return Ok(());
    };
    redis.ask(&["-n", "3", "SET", "other", "of another database"])?;
    let function = "#!lua name=shop\nredis.register_function('answer', function() return 'of a function' end)";
    redis.ask(&["FUNCTION", "LOAD", function])?;
    let rest = redis.rest()?;
    redis.world.declare()?;
    let mut session = Session::open(redis.server.client())?;
    let noted = protected_while(&redis.world, redis.dram(&["protect", "files"]), move |number| {
        let text = format!(
            "redis.call('ZADD', 'orders', {number}, {number}) redis.call('RPUSH', 'lines:{number}', 1, 2) return {number}"
        );
        session.ask(&format!("EVAL \"{text}\" 0"))
    })?;
    let whole = |redis: &Redis| -> Result<()> {
        let (orders, halves) = (
            redis.ask(&["ZRANGE", "orders", "0", "-1"])?,
            redis.ask(&["EVAL", HALVES, "0"])?,
        );
        is_whole(&orders, &halves, &noted)?;
        let found = redis.rest()?;
        claim("the rest is as it was", found == rest, || found.clone())
    };

    // A server that went on; one that lost everything; and one that was stopped and started after that.
    redis.ask(&["SET", "later", "1"])?;
    redis.ask(&["DEL", "orders"])?;
    redis.dram(&["restore", "files", "--overwrite"]).ok()?;
    whole(&redis)?;
    redis.ask(&["FLUSHALL"])?;
    redis.ask(&["FUNCTION", "FLUSH"])?;
    redis.dram(&["restore", "files", "--overwrite"]).ok()?;
    whole(&redis)?;
    redis.server.restart()?;
    whole(&redis)
}

/// A dump that fails makes no point, and says why in the server's words.
#[test]
fn a_redis_that_refuses_the_password_makes_no_point() -> Result<()> {
    let Some(redis) = Redis::at_hand("a_redis_that_refuses_the_password_makes_no_point")? else {
        return Ok(());
    };
    redis.world.declare()?;
    redis.ask(&["CONFIG", "SET", "requirepass", "another"])?;
    let failed = redis.dram(&["protect", "files"]).run()?.expect_code(1)?;
    failed.expect_failure(&["WRONGPASS"])?;
    let points = redis.world.points("files")?;
    claim("there is no point", points.is_empty(), || format!("{points:?}"))
}
