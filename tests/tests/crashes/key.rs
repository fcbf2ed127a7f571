//! A key that is quick to derive. Every command derives it, and a walk is thousands of commands.

use aes256ctr_poly1305aes::aead::AeadInPlace as _;
use aes256ctr_poly1305aes::{Aes256CtrPoly1305Aes, Key, Nonce, Tag};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dram_tests::error::{Doing as _, Result};
use dram_tests::world::Raw;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const NONCE: usize = 16;
const TAG: usize = 16;
const CHEAP: (u8, u32, u32) = (4, 1, 1);

/// Puts a cheap key in the place of each key of a repository, which lies in this folder of its vault.
///
/// # Errors
/// They are none of ours.
pub(crate) fn cheapen(vault: &Raw, repository: &str, password: &str) -> Result<()> {
    let folder = format!("{repository}/keys/");
    for (name, _) in vault.list(&folder)? {
        let text = String::from_utf8_lossy(&vault.read(&name)?).into_owned();
        let cheap = cheaper(&text, password).doing(|| format!("open the key `{name}`"))?;
        let digits = Sha256::digest(&cheap);
        let digits: String = digits.iter().map(|byte| format!("{byte:02x}")).collect();
        let cheaper = format!("{folder}{digits}");
        if cheaper == name {
            // It is cheap already.
            continue;
        }
        vault.write(&cheaper, cheap.as_bytes())?;
        vault.remove(&name)?;
    }
    Ok(())
}

fn cheaper(text: &str, password: &str) -> std::io::Result<String> {
    let mut file: Value = serde_json::from_str(text)?;
    let number = |name: &str| file.get(name).and_then(Value::as_u64).unwrap_or_default();
    let bytes = |name: &str| {
        let text = file.get(name).and_then(Value::as_str).unwrap_or_default();
        STANDARD.decode(text).map_err(std::io::Error::other)
    };
    let small = |name: &str| u32::try_from(number(name)).unwrap_or_default();
    let dear = (
        u8::try_from(number("N").trailing_zeros()).unwrap_or(1),
        small("r"),
        small("p"),
    );
    let salt = bytes("salt")?;
    let mut sealed = bytes("data")?;
    let wrong = || std::io::Error::other("it has another form");
    let (nonce, rest) = sealed.split_at_mut_checked(NONCE).ok_or_else(wrong)?;
    let at = rest.len().checked_sub(TAG).ok_or_else(wrong)?;
    let (body, tag) = rest.split_at_mut_checked(at).ok_or_else(wrong)?;
    cipher(password, &salt, dear)?
        .decrypt_in_place_detached(Nonce::from_slice(nonce), &[], body, Tag::from_slice(tag))
        .map_err(|_| std::io::Error::other("it is of another password"))?;
    let tag = cipher(password, &salt, CHEAP)?
        .encrypt_in_place_detached(Nonce::from_slice(nonce), &[], body)
        .map_err(|_| wrong())?;
    let cheap = [&*nonce, &*body, &*tag].concat();
    let (log_n, r, p) = CHEAP;
    for (name, value) in [
        ("N", json!(1_u64 << log_n)),
        ("r", json!(r)),
        ("p", json!(p)),
        ("data", json!(STANDARD.encode(cheap))),
    ] {
        file.as_object_mut().ok_or_else(wrong)?.insert(name.to_owned(), value);
    }
    Ok(file.to_string())
}

fn cipher(password: &str, salt: &[u8], (log_n, r, p): (u8, u32, u32)) -> std::io::Result<Aes256CtrPoly1305Aes> {
    let mut derived = [0; 64];
    let params = scrypt::Params::new(log_n, r, p).map_err(std::io::Error::other)?;
    scrypt::scrypt(password.as_bytes(), salt, &params, &mut derived).map_err(std::io::Error::other)?;
    Ok(Aes256CtrPoly1305Aes::new(Key::from_slice(&derived)))
}
