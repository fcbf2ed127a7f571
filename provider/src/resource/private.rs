//! What the host keeps for us beside the state, unread: the number of the record that was seen last.

use serde_json::json;

/// The number of the record that a plan was made against; none where nothing was read yet.
#[must_use]
pub(super) fn base(private: &[u8]) -> Option<u64> {
    let kept: serde_json::Value = serde_json::from_slice(private).ok()?;
    // A later version may mean something else by the same key.
    if kept.get("v")?.as_u64()? == 1 {
        kept.get("base")?.as_u64()
    } else {
        None
    }
}

/// Keeps a number.
#[must_use]
pub(super) fn keep(base: u64) -> Vec<u8> {
    json!({"v": 1, "base": base}).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_comes_back() {
        assert_eq!(base(&keep(7)), Some(7));
        assert_eq!(base(b""), None);
        assert_eq!(base(br#"{"v":2,"base":7}"#), None);
        assert_eq!(base(br#"{"v":1}"#), None);
    }
}
