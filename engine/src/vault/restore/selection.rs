//! Which entries of an item are asked for: paths and patterns, in the rules of `.gitignore`.

use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::super::error::VaultError;

/// Patterns in the rules of `.gitignore`, seen from `/`. What one takes is taken with everything below it; of several that match
/// an entry the last decides, and `!` before one takes out. Where the first takes out, all else is taken.
#[derive(Debug, Clone)]
pub struct Selection {
    patterns: Vec<Pattern>,
}

#[derive(Debug, Clone)]
struct Pattern {
    text: String,
    matcher: Gitignore,
    /// What it can match lies here or below.
    within: PathBuf,
}

impl Selection {
    /// Reads patterns; a path without `*`, `?`, `[` and `\` is one that matches itself.
    ///
    /// # Errors
    /// If one has no meaning.
    pub fn new(patterns: &[String]) -> Result<Self, VaultError> {
        let patterns = patterns
            .iter()
            .map(|text| Pattern::new(text))
            .collect::<Result<_, _>>()?;
        Ok(Self { patterns })
    }

    /// Whether everything is asked for.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The patterns as they were written.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().map(|pattern| pattern.text.as_str())
    }

    /// Whether an entry is asked for that no pattern matches, nor any directory above it.
    fn takes_unmatched(&self) -> bool {
        self.patterns.first().is_none_or(|first| first.text.starts_with('!'))
    }

    /// Whether an entry is asked for, by what was decided about the directory that it lies in.
    pub(in super::super) fn takes(&self, path: &Path, is_dir: bool, above: Option<bool>) -> bool {
        let last = self
            .patterns
            .iter()
            .rev()
            .find_map(|pattern| pattern.says(path, is_dir));
        last.or(above).unwrap_or_else(|| self.takes_unmatched())
    }

    /// Whether something may be asked for below a directory that is not.
    pub(in super::super) fn leads(&self, path: &Path) -> bool {
        let may = |pattern: &Pattern| pattern.within.starts_with(path) || path.starts_with(&pattern.within);
        let takes = |pattern: &&Pattern| !pattern.text.starts_with('!');
        self.takes_unmatched() || self.patterns.iter().filter(takes).any(may)
    }

    /// Marks the patterns that match an entry.
    pub(super) fn mark(&self, path: &Path, is_dir: bool, matched: &mut [bool]) {
        for (pattern, matched) in self.patterns.iter().zip(matched) {
            *matched = *matched || pattern.says(path, is_dir).is_some();
        }
    }
}

impl Pattern {
    fn new(text: &str) -> Result<Self, VaultError> {
        let invalid = |reason: String| VaultError::InvalidPattern {
            pattern: text.to_owned(),
            reason,
        };
        let mut builder = GitignoreBuilder::new("/");
        // An unclosed `[` would silently match something else.
        builder.allow_unclosed_class(false);
        builder
            .add_line(None, text)
            .map_err(|error| invalid(error.to_string()))?;
        let matcher = builder.build().map_err(|error| invalid(error.to_string()))?;
        if matcher.is_empty() {
            return Err(invalid("it says nothing".to_owned()));
        }
        Ok(Self {
            text: text.to_owned(),
            matcher,
            within: within(text),
        })
    }

    /// Whether it takes an entry or takes it out; nothing if it does not match.
    fn says(&self, path: &Path, is_dir: bool) -> Option<bool> {
        match self.matcher.matched(path, is_dir) {
            Match::None => None,
            Match::Ignore(_) => Some(true),
            Match::Whitelist(_) => Some(false),
        }
    }
}

/// The directory that a pattern cannot leave: its first words that are plain, where it is bound to a place at all.
fn within(text: &str) -> PathBuf {
    let text = text.strip_prefix('!').unwrap_or(text).trim_end();
    let mut within = PathBuf::from("/");
    if !text.trim_end_matches('/').contains('/') {
        return within;
    }
    let plain = |word: &&str| !word.contains(['*', '?', '[', '\\']);
    within.extend(text.split('/').take_while(plain).filter(|word| !word.is_empty()));
    within
}

/// What was decided about the directories that a walk is in.
#[derive(Debug, Default)]
pub(super) struct Trail<T> {
    levels: Vec<(PathBuf, T)>,
}

impl<T> Trail<T> {
    pub(super) const fn new() -> Self {
        Self { levels: Vec::new() }
    }

    /// Leaves the directories that `path` does not lie in; what is known of the innermost one that it does.
    pub(super) fn above(&mut self, path: &Path) -> Option<&T> {
        while self.levels.last().is_some_and(|(level, _)| !path.starts_with(level)) {
            self.levels.pop();
        }
        self.levels.last().map(|(_, known)| known)
    }

    pub(super) fn enter(&mut self, path: &Path, known: T) {
        self.levels.push((path.to_owned(), known));
    }

    /// The directories, outermost first.
    pub(super) fn levels(&self) -> impl Iterator<Item = (&Path, &T)> {
        self.levels.iter().map(|(path, known)| (path.as_path(), known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What of a small tree is taken.
    fn taken(patterns: &[&str]) -> Vec<&'static str> {
        const TREE: [(&str, bool); 8] = [
            ("/srv", true),
            ("/srv/shop", true),
            ("/srv/shop/a.png", false),
            ("/srv/shop/cache", true),
            ("/srv/shop/cache/b.png", false),
            ("/srv/shop/cache/c.txt", false),
            ("/srv/shop/x[1].txt", false),
            ("/srv/shopping", false),
        ];
        let patterns: Vec<String> = patterns.iter().map(|text| (*text).to_owned()).collect();
        let selection = Selection::new(&patterns).unwrap();
        let mut trail = Trail::new();
        let mut found = Vec::new();
        for (text, is_dir) in TREE {
            let path = Path::new(text);
            let above = trail.above(path).copied();
            let takes = selection.takes(path, is_dir, above);
            if takes {
                found.push(text);
                let ways = path.ancestors().skip(1);
                assert!(ways.into_iter().all(|way| selection.leads(way)), "{text} is walked to");
            }
            if is_dir {
                trail.enter(path, takes);
            }
        }
        found
    }

    #[test]
    fn patterns_take_what_gitignore_would_ignore() {
        let below = [
            "/srv/shop",
            "/srv/shop/a.png",
            "/srv/shop/cache",
            "/srv/shop/cache/b.png",
            "/srv/shop/cache/c.txt",
            "/srv/shop/x[1].txt",
        ];
        assert_eq!(taken(&["/srv/shop"]), below);
        assert_eq!(taken(&["/srv/shop/"]), below);
        assert_eq!(
            taken(&["/srv/shop/**/*.png"]),
            ["/srv/shop/a.png", "/srv/shop/cache/b.png"]
        );
        assert_eq!(taken(&["/srv/*/*.png"]), ["/srv/shop/a.png"]);
        assert_eq!(taken(&["c.txt"]), ["/srv/shop/cache/c.txt"]);
        assert_eq!(taken(&["/srv/shop/x\\[1\\].txt"]), ["/srv/shop/x[1].txt"]);
        assert_eq!(
            taken(&["/srv/shop", "!cache", "c.txt"]),
            [
                "/srv/shop",
                "/srv/shop/a.png",
                "/srv/shop/cache/c.txt",
                "/srv/shop/x[1].txt"
            ]
        );
        assert_eq!(taken(&["!/srv/shop"]), ["/srv", "/srv/shopping"]);
        assert_eq!(taken(&["/etc"]), Vec::<&str>::new());
    }

    #[test]
    fn a_bound_pattern_is_looked_for_where_it_can_match() {
        for (pattern, expected) in [
            ("/srv/shop/**/*.png", "/srv/shop"),
            ("srv/shop", "/srv/shop"),
            ("!/srv/a b", "/srv/a b"),
            ("/srv/sh?p/x", "/srv"),
            ("shop", "/"),
            ("shop/", "/"),
            ("**/shop", "/"),
        ] {
            assert_eq!(within(pattern), Path::new(expected), "{pattern}");
        }
    }

    #[test]
    fn what_says_nothing_is_refused() {
        for text in ["", "# a comment", "[a", "   "] {
            let refused = Selection::new(&[text.to_owned()]);
            assert!(matches!(refused, Err(VaultError::InvalidPattern { .. })), "{text}");
        }
    }
}
