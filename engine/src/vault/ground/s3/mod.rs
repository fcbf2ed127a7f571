//! A vault in a bucket.

mod probe;

use std::sync::{Arc, OnceLock};

use dram_storage::{Bucket, Fault, Options};

use super::super::address::{S3Place, VaultOptions};
use super::super::diagnose::Diagnosis;
use super::super::error::VaultError;
use super::super::store::{Flow, History, S3, Store, StoreError};
use super::{Ground, Stores};

/// The vault below a prefix of a bucket.
#[derive(Debug)]
pub(in super::super) struct S3Ground {
    writer: Bucket,
    pruner: Option<Bucket>,
    flow: Arc<Flow>,
    options: VaultOptions,
    answered: OnceLock<()>,
}

impl S3Ground {
    pub(in super::super) fn new(place: &S3Place, options: &VaultOptions) -> Self {
        let calls = Options::default();
        let bucket = |credentials: &dram_storage::Credentials| {
            Bucket::new(place.address.clone(), credentials.clone(), calls.clone())
        };
        Self {
            writer: bucket(&place.credentials),
            pruner: place.prune_credentials.as_ref().map(bucket),
            flow: Arc::clone(&options.flow),
            options: options.clone(),
            answered: OnceLock::new(),
        }
    }

    fn store(&self, bucket: &Bucket, folder: &[&str]) -> Arc<dyn Store> {
        let folder = folder.join("/");
        let lock = self.options.lock.map(|lock| lock.mode);
        let store = S3::new(bucket.clone(), &folder, Arc::clone(&self.flow), lock);
        match self.options.as_of {
            None => self.options.cached(Arc::new(store)),
            Some(time) => Arc::new(History::new(bucket.clone(), &folder, Arc::clone(&self.flow), time)),
        }
    }
}

impl Ground for S3Ground {
    fn place(&self) -> String {
        self.writer.address().to_string()
    }

    fn require(&self) -> Result<(), VaultError> {
        if self.answered.get().is_some() {
            return Ok(());
        }
        match self.writer.list_after("", "", 1) {
            Ok(_) => {
                self.answered.get_or_init(|| ());
                Ok(())
            }
            Err(error) if error.fault == Fault::NoBucket => Err(VaultError::MissingVault {
                place: self.place(),
                is_directory: false,
            }),
            Err(error) => Err(StoreError::from(error).into()),
        }
    }

    fn folders(&self, within: &[&str]) -> Result<Vec<String>, VaultError> {
        let mut folder = within.join("/");
        if !folder.is_empty() {
            folder.push('/');
        }
        let Some(time) = self.options.as_of else {
            let page = self.writer.list_folder(&folder).map_err(StoreError::from)?;
            return Ok(page.folders);
        };
        // A folder whose objects are all hidden by markers is in no listing but that of the versions.
        let versions = self.writer.list_versions(&folder).map_err(StoreError::from)?;
        let mut names: Vec<String> = History::at(versions, time)
            .into_keys()
            .filter_map(|key| Some(key.strip_prefix(&folder)?.split_once('/')?.0.to_owned()))
            .collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn stores(&self, folder: &[&str]) -> Stores {
        let writer = self.store(&self.writer, folder);
        let pruner = match &self.pruner {
            None => Arc::clone(&writer),
            Some(bucket) => self.store(bucket, folder),
        };
        Stores {
            writer,
            pruner,
            lock: self.options.lock,
        }
    }

    fn diagnose(&self) -> Diagnosis {
        self.probe()
    }
}
