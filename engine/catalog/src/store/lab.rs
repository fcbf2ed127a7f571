//! Places of real servers, one for each test, removed afterwards. The environment says where the servers are.

use std::time::Duration;

use aws_sdk_s3::config::{BehaviorVersion, Region};
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use dram_storage::{Address, Bucket, Credentials, Options, Patience, Secret, block_on};

use super::{PostgresStore, S3Store};
use crate::url::PostgresAddress;

/// A name that no other test has.
fn fresh_name(purpose: &str, separator: char) -> String {
    format!(
        "catalog{separator}{purpose}{separator}{:012x}",
        rand::random::<u64>() >> 16
    )
}

pub(crate) fn options() -> Options {
    Options {
        patience: Patience::SHORT,
        attempt: Duration::from_secs(10),
    }
}

/// A bucket.
#[derive(Debug)]
pub(crate) struct LabBucket {
    client: aws_sdk_s3::Client,
    endpoint: String,
    name: String,
}

impl LabBucket {
    /// A fresh one.
    pub(crate) fn fresh(purpose: &str) -> Option<Self> {
        let endpoint = dram_skips::variable("DRAM_LAB_S3")?;
        let (access, secret) = keys();
        let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http.build_https())
            .region(Region::from_static("us-east-1"))
            .endpoint_url(&endpoint)
            .force_path_style(true)
            .credentials_provider(aws_sdk_s3::config::Credentials::new(access, secret, None, None, "lab"))
            .build();
        let bucket = LabBucket {
            client: aws_sdk_s3::Client::from_conf(config),
            endpoint,
            name: fresh_name(purpose, '-'),
        };
        block_on(bucket.client.create_bucket().bucket(&bucket.name).send())
            .unwrap()
            .unwrap();
        Some(bucket)
    }

    pub(crate) fn set_versioning(&self, status: BucketVersioningStatus) {
        let rule = VersioningConfiguration::builder().status(status).build();
        let call = self.client.put_bucket_versioning().bucket(&self.name);
        block_on(call.versioning_configuration(rule).send()).unwrap().unwrap();
    }

    pub(crate) fn address(&self, prefix: &str) -> Address {
        let url = format!("s3://{}/{prefix}?endpoint={}&pathStyle=true", self.name, self.endpoint);
        url.parse().unwrap()
    }

    /// The bucket below a prefix, over connections of its own.
    pub(crate) fn bucket(&self, prefix: &str) -> Bucket {
        let (access, secret) = keys();
        let secret = Secret::new(secret);
        Bucket::new(self.address(prefix), Credentials::Keys { access, secret }, options())
    }

    pub(crate) fn store(&self, prefix: &str) -> S3Store {
        S3Store::within(self.bucket(prefix))
    }
}

impl Drop for LabBucket {
    fn drop(&mut self) {
        let bucket = self.bucket("");
        for version in bucket.list_versions("").unwrap_or_default() {
            let _ = bucket.delete(&version.key, Some(&version.id));
        }
        let _ = block_on(self.client.delete_bucket().bucket(&self.name).send());
    }
}

fn keys() -> (String, String) {
    let variable = |name| std::env::var(name).unwrap_or_else(|_| panic!("{name} stands beside DRAM_LAB_S3"));
    (variable("DRAM_LAB_S3_ACCESS"), variable("DRAM_LAB_S3_SECRET"))
}

/// A schema.
#[derive(Debug)]
pub(crate) struct LabSchema {
    pub(crate) address: PostgresAddress,
}

impl LabSchema {
    /// A name for one that is not there yet.
    pub(crate) fn fresh(purpose: &str) -> Option<Self> {
        let mut address: PostgresAddress = dram_skips::variable("DRAM_LAB_POSTGRES")?.parse().unwrap();
        address.schema = fresh_name(purpose, '_');
        Some(LabSchema { address })
    }

    /// The store in it, over a connection of its own.
    pub(crate) fn store(&self) -> PostgresStore {
        PostgresStore::with_environment(&self.address, |name| match name {
            "PGPASSWORD" => std::env::var_os("DRAM_LAB_POSTGRES_PASSWORD"),
            other => std::env::var_os(other),
        })
    }

    /// The store in it, whose tables are made if they are not there.
    pub(crate) fn prepared(&self) -> PostgresStore {
        self.store().prepared().unwrap()
    }

    /// Runs statements in which `{schema}` stands for the schema.
    pub(crate) fn run(&self, statements: &str) {
        let statements = statements.replace("{schema}", &self.address.schema);
        self.store().run(&statements);
    }
}

impl Drop for LabSchema {
    fn drop(&mut self) {
        let _ = std::panic::catch_unwind(|| self.run(r#"DROP SCHEMA IF EXISTS "{schema}" CASCADE"#));
    }
}
