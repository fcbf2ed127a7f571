//! The way of data between a site and the vaults: as fast as the site states, and no faster than the policy allows.

use super::{Amount, Given};
use crate::derive::Beside;
use crate::model::{Name, Rate, RecoverySite};

/// How fast data moves, and how it is known.
#[derive(Clone)]
pub(super) struct Line {
    /// The bandwidth; `None` where nothing states one and moving counts as instant.
    pub(super) rate: Option<Rate>,
    /// What the site's line carries for all who use it; `None` where the site states nothing.
    pub(super) bandwidth: Option<Rate>,
    /// Whose bandwidth it is, in words that follow an amount of data.
    pub(super) how: String,
    /// What is taken for granted because the site says nothing.
    pub(super) assumption: Option<String>,
    site: Option<Name>,
}

/// Which way the data go.
#[derive(Clone, Copy)]
pub(super) enum Way {
    From,
    To,
}

/// The most that data moves with, whatever the site could, and where that stands.
pub(super) type Cap = Option<(Rate, String)>;

impl Line {
    /// No data, no line.
    pub(super) const fn none() -> Self {
        Self {
            rate: None,
            bandwidth: None,
            how: String::new(),
            assumption: None,
            site: None,
        }
    }

    pub(super) fn of(cap: &Cap, way: Way, name: &Name, site: Option<&RecoverySite>) -> Self {
        let way = match way {
            Way::From => "from",
            Way::To => "to",
        };
        let bandwidth = site.and_then(|site| site.bandwidth);
        let line = |rate, how, assumption| Self {
            rate,
            bandwidth,
            how,
            assumption,
            site: Some(name.clone()),
        };
        let capped = |cap: &(Rate, String)| format!("at {} {way} site `{name}`, capped by {}", cap.0, cap.1);
        match (bandwidth, cap) {
            (Some(rate), Some(cap)) if cap.0.is_slower_than(rate) => line(Some(cap.0), capped(cap), None),
            (Some(rate), _) => line(Some(rate), format!("at {rate} {way} site `{name}`"), None),
            (None, cap) => {
                let (counts, how) = match (cap, site) {
                    (Some(cap), _) => (format!("moves at the {} of {}", cap.0, cap.1), capped(cap)),
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
                let assumption = match cap {
                    Some(_) => format!("{why}: it {counts}"),
                    None => format!("{why}: moving {counts}"),
                };
                line(cap.as_ref().map(|cap| cap.0), how, Some(assumption))
            }
        }
    }

    /// The numbers of the line from which a time to move follows.
    pub(super) fn given(&self, beside: Option<&Beside>) -> Vec<Given> {
        let mut given = Vec::new();
        let Some(rate) = self.rate else { return given };
        match (self.bandwidth, &self.site) {
            (Some(bandwidth), Some(site)) => {
                let because = format!("`bandwidth` of site `{site}`");
                given.push(Given::new("the line", Amount::Rate(bandwidth), because));
                if rate != bandwidth {
                    given.push(Given::new("of it", Amount::Rate(rate), "a cap of its own"));
                }
            }
            _ => given.push(Given::new(
                "the line",
                Amount::Rate(rate),
                "a cap, where the site states nothing",
            )),
        }
        if let Some(beside) = beside {
            let others = match beside.others {
                1 => "another flow of the site, in a run of its own".to_owned(),
                others => format!("{others} other flows of the site, in a run of each of them"),
            };
            given.push(Given::new("before it", Amount::Bytes(beside.burst), others));
            if beside.weekly > 0 {
                let in_a_day = u64::try_from(beside.weekly / 7).unwrap_or(u64::MAX);
                let because = "what they change in a day; it takes its part of the line";
                given.push(Given::new("and meanwhile", Amount::Bytes(in_a_day), because));
            }
        }
        given
    }
}
