//! What becomes of a vault's work where the credentials may not do all of it.

use std::sync::Arc;

use bytes::Bytes;
use dram_storage::{Bucket, Condition, Options};
use rustic_core::Id;

use super::lab::{Keeps, Lab};
use super::*;
use crate::vault::ground::{DirectoryGround, Ground, Stores};

/// A vault whose files nobody may remove.
#[derive(Debug)]
struct Keeper(DirectoryGround);

struct Kept(Arc<dyn Store>);

impl Ground for Keeper {
    fn place(&self) -> String {
        self.0.place()
    }
    fn require(&self) -> Result<(), VaultError> {
        self.0.require()
    }
    fn folders(&self, within: &[&str]) -> Result<Vec<String>, VaultError> {
        self.0.folders(within)
    }
    fn stores(&self, folder: &[&str]) -> Stores {
        Stores::same(Arc::new(Kept(self.0.stores(folder).writer)))
    }
    fn diagnose(&self) -> Diagnosis {
        self.0.diagnose()
    }
}

impl Store for Kept {
    fn location(&self) -> String {
        self.0.location()
    }
    fn list(&self, kind: Kind) -> Result<Vec<(Id, u32)>, StoreError> {
        self.0.list(kind)
    }
    fn read(&self, kind: Kind, id: &Id) -> Result<Bytes, StoreError> {
        self.0.read(kind, id)
    }
    fn read_range(&self, kind: Kind, id: &Id, offset: u32, length: u32) -> Result<Bytes, StoreError> {
        self.0.read_range(kind, id, offset, length)
    }
    fn write(&self, kind: Kind, id: &Id, content: &[Bytes]) -> Result<(), StoreError> {
        self.0.write(kind, id, content)
    }
    fn remove(&self, _kind: Kind, _id: &Id) -> Result<(), StoreError> {
        Err(StoreError::Denied {
            action: "remove",
            place: self.location(),
        })
    }
    fn create(&self) -> Result<(), StoreError> {
        self.0.create()
    }
}

#[test]
fn a_repository_that_a_killed_process_began_is_made_by_whoever_may_not_remove() {
    let dir = tempfile::tempdir().unwrap();
    let location = Vault::directory(dir.path()).repository("t", "a").unwrap();
    let password = Password::from_bytes(b"some password").unwrap();
    location.init(&password).unwrap();
    // Killed after its key, before its configuration.
    std::fs::remove_file(location.path().join("config")).unwrap();

    let keeper = Keeper(DirectoryGround::new(dir.path().to_owned(), &VaultOptions::default()));
    let location = Vault::on(Arc::new(keeper)).repository("t", "a").unwrap();
    assert_eq!(location.init(&password).unwrap(), Init::Created);
    assert_eq!(location.stores().writer.list(Kind::Key).unwrap().len(), 2);
    location.open(&password).unwrap().points().unwrap();
    let wrong = Password::from_bytes(b"wrong").unwrap();
    assert!(matches!(location.open(&wrong), Err(VaultError::WrongPassword { .. })));
}

#[test]
fn the_probe_of_a_directory_has_one_name() {
    let dir = tempfile::tempdir().unwrap();
    // An earlier look was killed, or could not remove it.
    std::fs::write(dir.path().join(".dram-probe"), "earlier").unwrap();
    let found = Vault::directory(dir.path()).diagnose();
    assert_eq!((found.writer.write, found.writer.remove), (Right::Yes, Right::Yes));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

/// Gives the lab's limited user exactly these rights: on the bucket, and on its objects.
fn allow(lab: &Lab, of_bucket: &[&str], of_objects: &[&str]) {
    let bucket = &lab.place.address.bucket;
    let listed = |actions: &[&str]| {
        let actions = actions.iter().map(|action| format!("\"s3:{action}\""));
        actions.collect::<Vec<_>>().join(", ")
    };
    let policy = format!(
        r#"{{"Version": "2012-10-17", "Statement": [
            {{"Effect": "Allow", "Principal": {{"AWS": ["arn:aws:iam:::user/writer"]}},
              "Action": [{}], "Resource": ["arn:aws:s3:::{bucket}"]}},
            {{"Effect": "Allow", "Principal": {{"AWS": ["arn:aws:iam:::user/writer"]}},
              "Action": [{}], "Resource": ["arn:aws:s3:::{bucket}/*"]}},
            {{"Effect": "Allow", "Principal": {{"AWS": ["arn:aws:iam:::user/lab"]}},
              "Action": ["s3:*"], "Resource": ["arn:aws:s3:::{bucket}", "arn:aws:s3:::{bucket}/*"]}}]}}"#,
        listed(of_bucket),
        listed(of_objects)
    );
    lab.bucket.set_policy(&policy).unwrap();
}

#[test]
fn a_lock_is_not_praised_where_nothing_at_all_may_be_removed() {
    let (Some(mut lab), Some(limited)) = (lab::bucket("praised", Keeps::Locks), lab::limited()) else {
        return;
    };
    let of_bucket = [
        "ListBucket",
        "ListBucketVersions",
        "GetBucketVersioning",
        "GetBucketObjectLockConfiguration",
    ];
    let of_writer = [
        "GetObject",
        "GetObjectVersion",
        "PutObject",
        "PutObjectRetention",
        "GetObjectRetention",
    ];
    let owner = std::mem::replace(&mut lab.place.credentials, limited);
    let look = |lab: &Lab| {
        let lock = Some(Lock {
            mode: LockMode::Governance,
            period: std::time::Duration::from_secs(60),
        });
        let options = VaultOptions {
            lock,
            ..VaultOptions::default()
        };
        lab.vault(&options).diagnose()
    };
    allow(&lab, &of_bucket, &of_writer);
    let found = look(&lab);
    assert_eq!((&found.writer.write, &found.writer.remove), (&Right::Yes, &Right::No));
    assert!(
        matches!(&found.lock, LockCheck::Unknown(why) if why.contains("pruneCredentials")),
        "{:?}",
        found.lock
    );
    // Whoever may only hide cannot try a lock either.
    allow(&lab, &of_bucket, &[of_writer.as_slice(), &["DeleteObject"]].concat());
    let found = look(&lab);
    assert_eq!(found.writer.remove, Right::Yes);
    assert!(matches!(found.lock, LockCheck::Unknown(_)), "{:?}", found.lock);
    // Whoever prunes tells, and clears what the writer had to leave.
    lab.place.prune_credentials = Some(owner);
    let found = look(&lab);
    assert_eq!(found.lock, LockCheck::Holds);
    let left = lab.bucket.list_versions(".dram-probe/").unwrap();
    assert!(left.iter().all(|version| version.key.ends_with("/lock")), "{left:?}");
}

#[test]
fn looking_twice_without_the_right_to_remove_leaves_one_probe() {
    let (Some(mut lab), Some(limited)) = (lab::bucket("twice", Keeps::Plain), lab::limited()) else {
        return;
    };
    lab.allow(&["GetObject", "PutObject"]);
    lab.place.credentials = limited;
    for _ in 0..3 {
        let found = lab.vault(&VaultOptions::default()).diagnose();
        let Rights {
            list,
            read,
            write,
            remove,
        } = found.writer;
        assert_eq!(
            [list, read, write, remove],
            [Right::Yes, Right::Yes, Right::Yes, Right::No]
        );
        assert_eq!(found.used, Some(Used::default()));
    }
    assert_eq!(lab.bucket.list("").unwrap().len(), 1);
}

/// Space comes back although nobody tells the pruner that the bucket keeps versions.
#[test]
fn versions_are_removed_by_whoever_may_not_ask_for_versioning() {
    let (Some(mut lab), Some(limited)) = (lab::bucket("asks-not", Keeps::Versions), lab::limited()) else {
        return;
    };
    lab.place.credentials = limited;
    let store = lab.location().stores().writer.clone();
    let alone = Bucket::new(
        lab.place.address.clone(),
        lab.place.credentials.clone(),
        Options::default(),
    );
    let of_objects = ["GetObject", "PutObject", "DeleteObject", "DeleteObjectVersion"];
    let content = [Bytes::from_static(b"some content")];
    let id = Id::random();

    allow(&lab, &["ListBucket", "ListBucketVersions"], &of_objects);
    assert!(alone.versioning().is_err(), "the lab does not refuse the question");
    for _ in 0..2 {
        store.write(Kind::Pack, &id, &content).unwrap();
    }
    assert_eq!(lab.bucket.list_versions("").unwrap().len(), 2);
    store.remove(Kind::Pack, &id).unwrap();
    assert_eq!(lab.bucket.list_versions("").unwrap(), vec![]);

    // Where even the listing of the versions is refused, hiding is all that is left.
    allow(&lab, &["ListBucket"], &of_objects);
    lab.bucket.put("other", &content, Condition::None, None).unwrap();
    store.write(Kind::Pack, &id, &content).unwrap();
    store.remove(Kind::Pack, &id).unwrap();
    assert_eq!(store.list(Kind::Pack).unwrap(), vec![]);
    assert_eq!(lab.bucket.list("").unwrap().len(), 1);
}
