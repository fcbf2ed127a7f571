//! Source texts, as their reader hands them over.

/// A source text and its name.
#[derive(Debug, Clone)]
pub struct Source {
    /// The path that messages show.
    pub path: String,
    /// The text.
    pub text: String,
}

/// Source texts; a [`dram_fields::Span`] names one by its index.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    list: Vec<Source>,
}

impl FromIterator<(String, String)> for Sources {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(files: I) -> Self {
        let list = files.into_iter().map(|(path, text)| Source { path, text }).collect();
        Self { list }
    }
}

impl Sources {
    /// No source yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One source.
    #[must_use]
    pub fn one(path: &str, text: &str) -> Self {
        let mut sources = Self::new();
        sources.add(path, text);
        sources
    }

    /// Adds a text.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.list.push(Source {
            path: path.into(),
            text: text.into(),
        });
    }

    /// The source that a span names.
    #[must_use]
    pub fn get(&self, source: u32) -> Option<&Source> {
        usize::try_from(source).ok().and_then(|index| self.list.get(index))
    }

    /// All sources with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Source)> {
        (0u32..).zip(&self.list)
    }
}
