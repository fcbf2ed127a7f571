//! The address of a catalog is read twice: by the compiler, which refuses a model early, and by the catalog, which opens it.
//! Both accept and refuse the same.

use std::str::FromStr;

const ACCEPTED: [&str; 22] = [
    "file:///var/lib/dram/catalog",
    "file:///srv/my shelf",
    "file:///srv/my%20shelf",
    "file:///",
    "s3://records",
    "s3://records/",
    "s3://records/dram/shops",
    "s3://records/dram/",
    "s3://my.records-1/dram",
    "s3://records/dram?endpoint=http://127.0.0.1:7480&region=eu-central-1&profile=dram&pathStyle=true",
    "s3://records/dram?endpoint=https%3A%2F%2Fs3.example",
    "s3://records/dram?endpoint=https://s3.example/",
    "s3://records/dram?endpoint=http://[::1]:7480",
    "s3://records?pathStyle=false",
    "postgres://db.example/dram",
    "postgres://dram@db.example:5432/dram?schema=records&sslmode=verify-full",
    "postgres://dram@[::1]:5432/dram",
    "postgres://dram@[::1]/dram",
    "postgres://first%20last@db/dram",
    "postgresql://db/a%2Fb",
    "postgres://db/dram?sslmode=prefer",
    "postgres://db/dram?schema=_a1",
];

const REFUSED: [&str; 63] = [
    "",
    "/var/lib/dram",
    "catalog",
    "ftp://x",
    "kubernetes://dram",
    "mysql://a:hunter2@b",
    "file://catalog",
    "file:///a?b",
    "file:///a#b",
    "file:///a/../b",
    "file:///a/%2e%2e/b",
    "file:///a%2",
    "file:///a%00",
    "file:///a\u{7}",
    "s3://",
    "s3://ab",
    "s3://Records",
    "s3://-records",
    "s3://records-",
    "s3://re..cords",
    "s3://records/a//b",
    "s3://records/../b",
    "s3://records/./b",
    "s3://records/a\u{7}",
    "s3://AKIA:hunter2@records/dram",
    "s3://records/dram?",
    "s3://records/dram?secretKey=hunter2",
    "s3://records/dram?regoin=x",
    "s3://records/dram?region",
    "s3://records/dram?region=",
    "s3://records/dram?region=a&region=b",
    "s3://records/dram?region=%4",
    "s3://records/dram?region=a b",
    "s3://records/dram?region=-a",
    "s3://records/dram?profile=",
    "s3://records/dram?profile=a b",
    "s3://records/dram?profile=-a",
    "s3://records/dram?pathStyle=yes",
    "s3://records/dram?endpoint=",
    "s3://records/dram?endpoint=s3.example",
    "s3://records/dram?endpoint=ftp://s3.example",
    "s3://records/dram?endpoint=http://a:hunter2@host",
    "s3://records/dram?endpoint=http://host/path",
    "s3://records/dram?endpoint=http://host:0",
    "s3://records/dram?endpoint=http://ho st",
    "postgres://db",
    "postgres://db/",
    "postgres:///dram",
    "postgres://@db/dram",
    "postgres://dram:hunter2@db/dram",
    "postgres://dram:hun/ter2@db/dram",
    "postgres://db:0/dram",
    "postgres://db:65536/dram",
    "postgres://[::1/dram",
    "postgres://a,b/dram",
    "postgres://db/dram/more",
    "postgres://db/dram#part",
    "postgres://db/dram?",
    "postgres://db/dram?password=hunter2",
    "postgres://db/dram?schema=",
    "postgres://db/dram?schema=Shop",
    "postgres://db/dram?schema=a&schema=b",
    "postgres://db/dram?sslmode=allow",
];

fn reads<T: FromStr>(text: &str) -> bool {
    text.parse::<T>().is_ok()
}

#[test]
fn compiler_and_catalog_accept_and_refuse_the_same_addresses() {
    let table = ACCEPTED.map(|text| (text, true)).into_iter();
    let mut differing = Vec::new();
    for (text, expected) in table.chain(REFUSED.map(|text| (text, false))) {
        let compiler = reads::<dram_compiler::model::CatalogUrl>(text);
        let catalog = reads::<dram_catalog::CatalogUrl>(text);
        if (compiler, catalog) != (expected, expected) {
            differing.push(format!(
                "{text:?}: expected {expected}, the compiler {compiler}, the catalog {catalog}"
            ));
        }
    }
    assert_eq!(differing, Vec::<String>::new());
}
