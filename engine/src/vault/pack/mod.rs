//! The repository's format, version 2, as restic's design document describes it: blobs are compressed and encrypted one by
//! one and lie in packs, index files say which blob lies where.
//!
//! The library has all this too, behind an archiver that cuts and hashes a file on one thread, and behind a cache that its
//! readers share. What is here does the same with buffers and contexts that are used again, on every processor, and reads
//! the index once for all operations of a [`Repository`](super::repository::Repository). Tests hold it equal to the library.

mod cipher;
mod codec;
mod cut;
mod index;
mod writer;

pub(super) use cipher::Cipher;
pub(super) use codec::Codec;
pub(super) use cut::Cutter;
pub(super) use index::{BlobKind, Index, Spot};
pub(super) use writer::{Added, Writer, with_writer};

/// The id of bytes: the hash that names blobs, packs and files.
pub(super) fn id_of(bytes: &[u8]) -> rustic_core::Id {
    use sha2::Digest as _;
    rustic_core::Id::new(sha2::Sha256::digest(bytes).into())
}
