//! Setting a bucket up. Nothing that protects or restores does this: a bucket is made by whoever owns the store.

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};

use super::{Bucket, fault};
use crate::error::StorageError;

impl Bucket {
    /// Makes the bucket. One that knows locks keeps versions from its first object on, and for ever.
    ///
    /// # Errors
    /// The store does not answer, or says no; the bucket is there already.
    pub fn make(&self, locked: bool) -> Result<(), StorageError> {
        let client = self.client("make")?;
        self.persevere("make", "", || {
            let call = client
                .create_bucket()
                .bucket(self.bucket())
                .object_lock_enabled_for_bucket(locked);
            async move { call.send().await.map(drop).map_err(|error| fault::of(&error)) }
        })
    }

    /// Makes the bucket keep versions from now on.
    ///
    /// # Errors
    /// The store does not answer, says no, or knows no versions.
    pub fn keep_versions(&self) -> Result<(), StorageError> {
        let client = self.client("keep versions in")?;
        self.persevere("keep versions in", "", || {
            let enabled = VersioningConfiguration::builder()
                .status(BucketVersioningStatus::Enabled)
                .build();
            let call = client
                .put_bucket_versioning()
                .bucket(self.bucket())
                .versioning_configuration(enabled);
            async move { call.send().await.map(drop).map_err(|error| fault::of(&error)) }
        })
    }

    /// Says who may do what in the bucket, in the store's own language of policies (JSON).
    ///
    /// # Errors
    /// The store does not answer, or says no.
    pub fn set_policy(&self, policy: &str) -> Result<(), StorageError> {
        let client = self.client("change the policy of")?;
        self.persevere("change the policy of", "", || {
            let call = client.put_bucket_policy().bucket(self.bucket()).policy(policy);
            async move { call.send().await.map(drop).map_err(|error| fault::of(&error)) }
        })
    }
}
