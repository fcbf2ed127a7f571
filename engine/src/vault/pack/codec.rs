//! Blobs and files of the repository: compressed, sealed, and back. One codec a thread, for its buffers are used again.

use std::num::NonZeroU32;

use rustic_core::repofile::ConfigFile;
use zstd::bulk::{Compressor, Decompressor};

use super::cipher::Cipher;

/// What begins a compressed file of the repository; others begin as JSON does.
const COMPRESSED: u8 = 2;
/// A blob is not longer than this, unpacked.
const LONGEST: usize = 512 * 1024 * 1024;
const BROKEN: &str = "it was changed after it was written: its authentication does not fit";

/// A blob as it lies in a pack.
pub(in super::super) struct Sealed {
    pub(in super::super) bytes: Vec<u8>,
    /// Its length before it was compressed; nothing if it was not.
    pub(in super::super) unpacked: Option<NonZeroU32>,
}

/// Seals and opens.
pub(in super::super) struct Codec {
    cipher: Cipher,
    compressor: Option<Compressor<'static>>,
    decompressor: Decompressor<'static>,
    verify: bool,
    scratch: Vec<u8>,
    check: Vec<u8>,
}

impl Codec {
    /// For a repository with this key and configuration.
    ///
    /// # Errors
    /// With words, if the configuration is of a version that is not known, or memory is short.
    pub(in super::super) fn new(cipher: Cipher, config: &ConfigFile) -> Result<Self, String> {
        let level = config.zstd().map_err(|error| error.to_string())?;
        let words = |error: std::io::Error| error.to_string();
        Ok(Self {
            cipher,
            compressor: level.map(Compressor::new).transpose().map_err(words)?,
            decompressor: Decompressor::new().map_err(words)?,
            verify: config.extra_verify(),
            scratch: Vec::new(),
            check: Vec::new(),
        })
    }

    /// Seals a blob, and opens it again to see that it comes back, unless the configuration does without.
    ///
    /// # Errors
    /// With words, if it does not come back: a fault of this machine's memory or processor.
    pub(in super::super) fn seal(&mut self, plain: &[u8]) -> Result<Sealed, String> {
        let length = u32::try_from(plain.len()).map_err(|_| "a blob is too long".to_owned())?;
        let sealed = match &mut self.compressor {
            None => Sealed {
                bytes: self.cipher.seal(plain),
                unpacked: None,
            },
            Some(compressor) => {
                grow(&mut self.scratch, zstd::zstd_safe::compress_bound(plain.len()));
                let packed = compressor
                    .compress_to_buffer(plain, self.scratch.as_mut_slice())
                    .map_err(|error| error.to_string())?;
                Sealed {
                    bytes: self.cipher.seal(self.scratch.get(..packed).unwrap_or_default()),
                    unpacked: NonZeroU32::new(length),
                }
            }
        };
        if self.verify {
            let mut check = std::mem::take(&mut self.check);
            let opened = self.open_into(&sealed.bytes, sealed.unpacked, &mut check);
            let same = check == plain;
            self.check = check;
            opened?;
            if !same {
                return Err("a blob does not come back as it was: the memory of this machine may be faulty".into());
            }
        }
        Ok(sealed)
    }

    /// The bytes of a sealed blob.
    ///
    /// # Errors
    /// With words, if it is damaged.
    pub(in super::super) fn open(&mut self, sealed: &[u8], unpacked: Option<NonZeroU32>) -> Result<Vec<u8>, String> {
        let mut plain = Vec::new();
        self.open_into(sealed, unpacked, &mut plain)?;
        Ok(plain)
    }

    /// As [`Self::open`], where the sealed bytes are not needed any more: no copy is made of them, and `plain` is used again
    /// and again. What is returned lies in one of the two.
    ///
    /// # Errors
    /// With words, if it is damaged.
    pub(in super::super) fn open_in_place<'a>(
        &mut self,
        sealed: &'a mut [u8],
        unpacked: Option<NonZeroU32>,
        plain: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], String> {
        let body = self.cipher.open(sealed).ok_or(BROKEN)?;
        let Some(length) = unpacked else { return Ok(body) };
        self.unpack(body, length, plain)?;
        Ok(plain)
    }

    fn open_into(&mut self, sealed: &[u8], unpacked: Option<NonZeroU32>, plain: &mut Vec<u8>) -> Result<(), String> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.extend_from_slice(sealed);
        let opened = match (self.cipher.open(&mut scratch), unpacked) {
            (None, _) => Err(BROKEN.to_owned()),
            (Some(body), None) => {
                plain.clear();
                plain.extend_from_slice(body);
                Ok(())
            }
            (Some(body), Some(length)) => self.unpack(body, length, plain),
        };
        self.scratch = scratch;
        opened
    }

    fn unpack(&mut self, body: &[u8], length: NonZeroU32, plain: &mut Vec<u8>) -> Result<(), String> {
        let length = usize::try_from(length.get()).unwrap_or(usize::MAX);
        if length > LONGEST {
            return Err(format!("it says that it is {length} bytes long, which no blob is"));
        }
        plain.clear();
        plain.reserve_exact(length);
        let written = self
            .decompressor
            .decompress_to_buffer(body, plain)
            .map_err(|error| format!("it cannot be decompressed: {error}"))?;
        if written != length {
            return Err(format!("it holds {written} bytes, its index says {length}"));
        }
        Ok(())
    }

    /// Seals a file of the repository that holds JSON, and opens it again to see that it comes back.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub(in super::super) fn seal_file(&mut self, json: &[u8]) -> Result<Vec<u8>, String> {
        let sealed = match &mut self.compressor {
            None => self.cipher.seal(json),
            Some(compressor) => {
                let packed = compressor.compress(json).map_err(|error| error.to_string())?;
                let mut body = Vec::with_capacity(packed.len() + 1);
                body.push(COMPRESSED);
                body.extend_from_slice(&packed);
                self.cipher.seal(&body)
            }
        };
        if self.verify && self.open_file(&sealed)? != json {
            return Err("a file does not come back as it was: the memory of this machine may be faulty".into());
        }
        Ok(sealed)
    }

    /// The JSON of a sealed file.
    ///
    /// # Errors
    /// With words, if it is damaged.
    pub(in super::super) fn open_file(&mut self, sealed: &[u8]) -> Result<Vec<u8>, String> {
        self.scratch.clear();
        self.scratch.extend_from_slice(sealed);
        let body = self.cipher.open(&mut self.scratch).ok_or(BROKEN)?;
        match body.split_first() {
            Some((b'{' | b'[', _)) => Ok(body.to_vec()),
            Some((&COMPRESSED, packed)) => {
                zstd::decode_all(packed).map_err(|error| format!("it cannot be decompressed: {error}"))
            }
            _ => Err("it is neither JSON nor compressed".into()),
        }
    }
}

fn grow(buffer: &mut Vec<u8>, length: usize) {
    if buffer.len() < length {
        buffer.resize(length, 0);
    }
}
