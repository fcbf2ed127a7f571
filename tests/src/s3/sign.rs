//! Signature version 4 of AWS, for one request.

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::lab::store::Keys;

/// RADOS gateway asks for no special region.
const REGION: &str = "us-east-1";
const BLOCK_BYTES: usize = 64;

/// What the signature adds to a request.
pub(super) struct Signed {
    /// Path and query, encoded as they were signed.
    pub(super) target: String,
    /// All lines of the head but those that every request has.
    pub(super) headers: Vec<(String, String)>,
}

#[expect(clippy::too_many_arguments, reason = "everything of a request is signed")]
pub(super) fn signed(
    keys: &Keys,
    port: u16,
    now: Timestamp,
    method: &str,
    path: &str,
    query: &[(&str, &str)],
    headers: &[(&str, &str)],
    body: &[u8],
) -> Signed {
    let moment = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = now.strftime("%Y%m%d").to_string();
    let hash = hex(&Sha256::digest(body));
    let mut lines: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), (*value).to_owned()))
        .collect();
    lines.push(("x-amz-content-sha256".to_owned(), hash.clone()));
    lines.push(("x-amz-date".to_owned(), moment.clone()));
    let mut covered = lines.clone();
    covered.push(("host".to_owned(), format!("127.0.0.1:{port}")));
    covered.sort();
    let names: Vec<&str> = covered.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let head: String = covered
        .iter()
        .map(|(name, value)| format!("{name}:{value}\n"))
        .collect();
    let mut pairs: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name, ""), encoded(value, "")))
        .collect();
    pairs.sort();
    let (path, query) = (encoded(path, "/"), pairs.join("&"));
    let request = format!("{method}\n{path}\n{query}\n{head}\n{names}\n{hash}");
    let scope = format!("{day}/{REGION}/s3/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}", hex(&Sha256::digest(request)));
    let key = [day.as_str(), REGION, "s3", "aws4_request"]
        .iter()
        .fold(format!("AWS4{}", keys.secret).into_bytes(), |key, part| {
            hmac(&key, part.as_bytes())
        });
    let signature = hex(&hmac(&key, text.as_bytes()));
    let credential = format!("{}/{scope}", keys.access);
    lines.push((
        "authorization".to_owned(),
        format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"),
    ));
    let target = if query.is_empty() {
        path
    } else {
        format!("{path}?{query}")
    };
    Signed { target, headers: lines }
}

/// Every byte that is not unreserved in `%` and two digits, but those of `plain`.
fn encoded(text: &str, plain: &str) -> String {
    let one = |byte: u8| {
        let char = char::from(byte);
        if byte.is_ascii_alphanumeric() || "-_.~".contains(char) || plain.contains(char) {
            char.to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(one).collect()
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = if key.len() > BLOCK_BYTES {
        Sha256::digest(key).to_vec()
    } else {
        key.to_vec()
    };
    block.resize(BLOCK_BYTES, 0);
    let padded = |with: u8| block.iter().map(|byte| byte ^ with).collect::<Vec<u8>>();
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(text).finalize();
    Sha256::new()
        .chain_update(padded(0x5c))
        .chain_update(inner)
        .finalize()
        .to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keyed_hash_is_that_of_its_standard() {
        // RFC 4231, cases 2 and 6.
        let found = hex(&hmac(b"Jefe", b"what do ya want for nothing?"));
        assert_eq!(
            found,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let found = hex(&hmac(
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
        ));
        assert_eq!(
            found,
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn reserved_bytes_are_encoded() {
        assert_eq!(encoded("/a b/ä+", "/"), "/a%20b/%C3%A4%2B");
        assert_eq!(encoded("a/b", ""), "a%2Fb");
    }
}
