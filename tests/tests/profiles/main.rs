//! The built-in profiles of databases over the databases themselves, with writers who do not stop for anybody.

mod etcd;
mod mysql;
mod postgres;
mod redis;
mod sqlite;
mod writer;

/// What a test puts a profile in the place of.
const COMPONENT: &str = "      host: { paths: [/data] }";
