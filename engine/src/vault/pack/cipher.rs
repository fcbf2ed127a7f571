//! Encryption and authentication of everything in a repository: AES-256 in counter mode, Poly1305-AES.

use aes256ctr_poly1305aes::aead::AeadInPlace;
use aes256ctr_poly1305aes::{Aes256CtrPoly1305Aes, Key, Nonce, Tag};
use rand::RngCore;
use rustic_core::repofile::MasterKey;

pub(super) const NONCE: usize = 16;
const TAG: usize = 16;
/// Sealed bytes are so much longer than what is in them.
pub(super) const OVERHEAD: usize = NONCE + TAG;

/// The key of a repository.
#[derive(Clone)]
pub(in super::super) struct Cipher {
    key: Key,
}

impl Cipher {
    /// The cipher of a master key; nothing if its parts do not have the lengths that the format says.
    pub(in super::super) fn of(key: &MasterKey) -> Option<Self> {
        let parts = [&key.encrypt, &key.mac.k, &key.mac.r];
        let bytes: Vec<u8> = parts.into_iter().flatten().copied().collect();
        Self::of_bytes(&bytes)
    }

    /// The cipher of the 64 bytes that a password is derived to.
    pub(in super::super) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == 64).then(|| Self {
            key: *Key::from_slice(bytes),
        })
    }

    /// Nonce, encrypted bytes and tag.
    pub(in super::super) fn seal(&self, plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE];
        rand::rng().fill_bytes(&mut nonce);
        let mut sealed = Vec::with_capacity(plain.len() + OVERHEAD);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let body = sealed.get_mut(NONCE..).unwrap_or_default();
        let cipher = Aes256CtrPoly1305Aes::new(&self.key);
        match cipher.encrypt_in_place_detached(Nonce::from_slice(&nonce), &[], body) {
            Ok(tag) => sealed.extend_from_slice(&tag),
            // Only a message of more than 64 GiB is refused; without a tag nobody takes it for a sealed one.
            Err(_) => sealed.clear(),
        }
        sealed
    }

    /// Decrypts in place what [`Self::seal`] made; nothing if it was changed since.
    pub(in super::super) fn open<'a>(&self, sealed: &'a mut [u8]) -> Option<&'a [u8]> {
        let (nonce, rest) = sealed.split_at_mut_checked(NONCE)?;
        let (body, tag) = rest.split_at_mut_checked(rest.len().checked_sub(TAG)?)?;
        let cipher = Aes256CtrPoly1305Aes::new(&self.key);
        cipher
            .decrypt_in_place_detached(Nonce::from_slice(nonce), &[], body, Tag::from_slice(tag))
            .ok()?;
        Some(body)
    }
}
