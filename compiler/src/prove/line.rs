//! The way of data between a site and the vaults: as fast as the site states, and no faster than the policy allows.

use crate::model::{Name, ProtectionPolicy, Rate, RecoverySite};

/// How fast data moves, and how it is known.
pub(super) struct Line {
    /// The bandwidth; `None` where nothing states one and moving counts as instant.
    pub(super) rate: Option<Rate>,
    /// Whose bandwidth it is, in words that follow an amount of data.
    pub(super) how: String,
    /// What is taken for granted because the site says nothing.
    pub(super) assumption: Option<String>,
}

/// Which way the data go.
#[derive(Clone, Copy)]
pub(super) enum Way {
    From,
    To,
}

impl Line {
    /// No data, no line.
    pub(super) const fn none() -> Self {
        Self {
            rate: None,
            how: String::new(),
            assumption: None,
        }
    }

    pub(super) fn of(policy: &ProtectionPolicy, way: Way, name: &Name, site: Option<&RecoverySite>) -> Self {
        let way = match way {
            Way::From => "from",
            Way::To => "to",
        };
        let cap = policy.transfer.as_ref().and_then(|transfer| transfer.bandwidth);
        let capped = |cap: Rate| format!("at {cap} {way} site `{name}`, capped by `transfer.bandwidth`");
        match (site.and_then(|site| site.bandwidth), cap) {
            (Some(rate), Some(cap)) if cap.is_slower_than(rate) => Self {
                rate: Some(cap),
                how: capped(cap),
                assumption: None,
            },
            (Some(rate), _) => Self {
                rate: Some(rate),
                how: format!("at {rate} {way} site `{name}`"),
                assumption: None,
            },
            (None, cap) => {
                let (counts, how) = match (cap, site) {
                    (Some(cap), _) => (format!("moves at the {cap} of `transfer.bandwidth`"), capped(cap)),
                    (None, Some(_)) => ("counts as instant".to_owned(), "without a stated bandwidth".to_owned()),
                    (None, None) => (
                        "counts as instant".to_owned(),
                        format!("{way} a site that is not known yet"),
                    ),
                };
                let why = match site {
                    Some(_) => format!("site `{name}` states no `bandwidth`"),
                    None => format!("site `{name}` is not known yet"),
                };
                Self {
                    rate: cap,
                    how,
                    assumption: Some(match cap {
                        Some(_) => format!("{why}: it {counts}"),
                        None => format!("{why}: moving {counts}"),
                    }),
                }
            }
        }
    }
}
