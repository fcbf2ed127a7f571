//! Buckets of a real store, whose address the environment gives.

use dram_skips::variable;
use dram_storage::{Bucket, Options};

use super::*;

/// How a bucket is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeps {
    Plain,
    Versions,
    Locks,
}

/// A fresh bucket.
pub(super) struct Lab {
    pub(super) place: S3Place,
    pub(super) bucket: Bucket,
}

/// Keys that the environment gives under these names.
pub(super) fn keys(access: &str, secret: &str) -> Option<S3Credentials> {
    Some(S3Credentials::Keys {
        access: variable(access)?,
        secret: Secret::new(variable(secret)?),
    })
}

/// A user who may do only what the bucket's policy says.
pub(super) fn limited() -> Option<S3Credentials> {
    keys("DRAM_LAB_S3_WRITER_ACCESS", "DRAM_LAB_S3_WRITER_SECRET")
}

/// A fresh bucket; nothing, with the test skipped, where there is no lab.
pub(super) fn bucket(name: &str, keeps: Keeps) -> Option<Lab> {
    let nanos = Timestamp::now().as_nanosecond();
    let lab = at(format!("g-{name}-{nanos}"))?;
    lab.bucket.make(keeps == Keeps::Locks).unwrap();
    if keeps == Keeps::Versions {
        lab.bucket.keep_versions().unwrap();
    }
    Some(lab)
}

/// A bucket by its name.
pub(super) fn at(bucket: String) -> Option<Lab> {
    let endpoint = variable("DRAM_LAB_S3")?;
    let address = S3Address {
        bucket,
        prefix: "some/where".to_owned(),
        region: None,
        endpoint: Some(endpoint),
        profile: None,
        path_style: true,
    };
    let credentials = keys("DRAM_LAB_S3_ACCESS", "DRAM_LAB_S3_SECRET")?;
    let bucket = Bucket::new(address.clone(), credentials.clone(), Options::default());
    let place = S3Place {
        address,
        credentials,
        prune_credentials: None,
    };
    Some(Lab { place, bucket })
}

impl Lab {
    pub(super) fn vault(&self, options: &VaultOptions) -> Vault {
        Vault::open(&Place::S3(self.place.clone()), options).unwrap()
    }

    pub(super) fn location(&self) -> Location {
        self.vault(&VaultOptions::default())
            .repository("default", "shop")
            .unwrap()
    }

    /// The lab's limited user may do these with the bucket's objects, and list it. What that user writes is its own, so the
    /// owner of the bucket has to be named as well.
    pub(super) fn allow(&self, actions: &[&str]) {
        let bucket = &self.place.address.bucket;
        let actions: Vec<String> = actions.iter().map(|action| format!("\"s3:{action}\"")).collect();
        let principal = r#""Principal": {"AWS": ["arn:aws:iam:::user/writer"]}"#;
        let owner = r#""Principal": {"AWS": ["arn:aws:iam:::user/lab"]}"#;
        let policy = format!(
            r#"{{"Version": "2012-10-17", "Statement": [
                {{"Effect": "Allow", {principal}, "Action": [{actions}], "Resource": ["arn:aws:s3:::{bucket}/*"]}},
                {{"Effect": "Allow", {owner}, "Action": ["s3:*"],
                 "Resource": ["arn:aws:s3:::{bucket}", "arn:aws:s3:::{bucket}/*"]}},
                {{"Effect": "Allow", {principal}, "Action": ["s3:ListBucket", "s3:ListBucketVersions", "s3:GetBucketVersioning"],
                 "Resource": ["arn:aws:s3:::{bucket}"]}}]}}"#,
            actions = actions.join(", ")
        );
        self.bucket.set_policy(&policy).unwrap();
    }
}
