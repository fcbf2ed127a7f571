//! What a site says is there now. Data only: drivers fill it in, decisions read it.

/// Whether something is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    Known,
    /// It is not.
    Absent,
    /// Nobody can tell, for this reason.
    Unknown(String),
}

/// What a site says of itself and of the paths that matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// The site's root.
    pub root: Presence,
    /// Logical paths of components with where they lie and whether they are there.
    pub paths: Vec<PathState>,
}

/// A path of a component at a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathState {
    /// The component.
    pub component: String,
    /// As the application sees it.
    pub logical: String,
    /// As the disk sees it.
    pub physical: String,
    /// Whether it is there.
    pub presence: Presence,
}
