//! Takes secrets out of what commands say, before anybody else hears it.

use std::borrow::Cow;
use std::collections::BTreeSet;

/// What a secret is called: a variable, or what stands before `=` or `:`.
const NAMES: [&str; 9] = [
    "password",
    "passwd",
    "passphrase",
    "pgpass",
    "secret",
    "token",
    "credential",
    "apikey",
    "access_key",
];
/// What stands for a secret.
const HIDDEN: &str = "*******";
/// A shorter value stands in too many other words to be searched for.
const SHORTEST: usize = 4;

/// The words of a command without secrets: values of this program's variables with such names, what follows such a name and `=`
/// or `:`, and passwords in addresses.
pub(super) fn redact(text: &str) -> String {
    let names = |name: &std::ffi::OsStr| is_secret(&name.to_string_lossy());
    let values = std::env::vars_os().filter(|(name, _)| names(name));
    let values = values.filter_map(|(_, value)| value.into_string().ok());
    redact_with(text, &values.collect())
}

fn redact_with(text: &str, values: &BTreeSet<String>) -> String {
    let mut text = Cow::Borrowed(text);
    // The longest first: one may begin another.
    let mut values: Vec<&String> = values.iter().filter(|value| value.trim().len() >= SHORTEST).collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    for value in values {
        if text.contains(value.as_str()) {
            text = Cow::Owned(text.replace(value.as_str(), HIDDEN));
        }
    }
    let lines: Vec<String> = text.lines().map(|line| assignments(&addresses(line))).collect();
    lines.join("\n")
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    NAMES
        .iter()
        .any(|secret| name.contains(secret) || name.replace('_', "").contains(secret))
}

/// Hides the password of each `scheme://user:password@host`.
fn addresses(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let end = after.find(|char: char| char.is_whitespace() || matches!(char, '/' | '\'' | '"' | '<' | '>'));
        let (host, more) = after
            .split_at_checked(end.unwrap_or(after.len()))
            .unwrap_or((after, ""));
        match host.rsplit_once('@') {
            Some((user, host)) => {
                shown.push_str(user.split(':').next().unwrap_or_default());
                if user.contains(':') {
                    shown.push(':');
                    shown.push_str(HIDDEN);
                }
                shown.push('@');
                shown.push_str(host);
            }
            None => shown.push_str(host),
        }
        rest = more;
    }
    shown.push_str(rest);
    shown
}

/// Hides what follows `password=`, `token: ` and the like, to the next blank or the closing quote.
fn assignments(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['=', ':']) {
        let (before, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let mut after = after.chars();
        let sign = after.next().unwrap_or('=');
        let after = after.as_str();
        shown.push_str(before);
        shown.push(sign);
        let word = before.trim_end_matches(['"', '\'', ' ']);
        let word = word
            .rsplit(|char: char| !(char.is_alphanumeric() || matches!(char, '_' | '-')))
            .next();
        if !word.is_some_and(is_secret) || after.starts_with("//") {
            rest = after;
            continue;
        }
        let value = after.trim_start();
        shown.extend(after.chars().take_while(|char| char.is_whitespace()));
        let quote = value.chars().next().filter(|char| matches!(char, '"' | '\''));
        let ends = |char: char| match quote {
            Some(quote) => char == quote,
            None => char.is_whitespace() || matches!(char, ',' | ';' | '&' | '"' | '\''),
        };
        let value = quote.map_or(value, |quote| value.strip_prefix(quote).unwrap_or(value));
        let (value, more) = value
            .split_at_checked(value.find(ends).unwrap_or(value.len()))
            .unwrap_or((value, ""));
        shown.extend(quote);
        if !value.is_empty() {
            shown.push_str(HIDDEN);
        }
        rest = more;
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn secrets_are_hidden_and_the_rest_stays() {
        let values = BTreeSet::from([
            "hunter2hunter2".to_owned(),
            "abc".to_owned(),
            "hunter2hunter2more".to_owned(),
        ]);
        for (said, told) in [
            ("dump of 3 tables: done", "dump of 3 tables: done"),
            (
                "with hunter2hunter2, and hunter2hunter2more",
                "with *******, and *******",
            ),
            ("abc is too short to be one", "abc is too short to be one"),
            ("password=x7 host=db", "password=******* host=db"),
            ("PGPASSWORD='a b' pg_dump", "PGPASSWORD='*******' pg_dump"),
            (
                "{\"api-key\": \"k1\", \"size\": 3}",
                "{\"api-key\": \"*******\", \"size\": 3}",
            ),
            ("token: t1", "token: *******"),
            (
                "connect to postgres://ann:pw@db:5432/shop?sslmode=off failed",
                "connect to postgres://ann:*******@db:5432/shop?sslmode=off failed",
            ),
            (
                "see https://example/a:b@c and s3://ann@host",
                "see https://example/a:b@c and s3://ann@host",
            ),
            (
                "error: password authentication failed for user: ann",
                "error: password authentication failed for user: ann",
            ),
            ("SECRET_KEY = s1\nnext: line", "SECRET_KEY = *******\nnext: line"),
            ("password=", "password="),
        ] {
            assert_eq!(redact_with(said, &values), told);
        }
    }

    proptest! {
        /// Whatever stands around it, a value is never heard; whatever is said, nothing panics.
        #[test]
        fn a_value_is_never_heard(before in ".{0,40}", after in ".{0,40}", secret in "[a-zA-Z0-9+/=:@]{8,30}") {
            let values = BTreeSet::from([secret.clone()]);
            let told = redact_with(&format!("{before}{secret}{after}"), &values);
            let mixed = format!("{before}{HIDDEN}{after}");
            prop_assert!(!told.contains(&secret) || mixed.contains(&secret), "{told}");
        }
    }
}
