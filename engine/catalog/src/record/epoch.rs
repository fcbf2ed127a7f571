//! Epochs: who may write for an application. Created only by a takeover.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::error::CatalogError;
use crate::layout::Folder;
use crate::name::Name;
use crate::record::feed::Change;
use crate::record::series::{Appended, Numbered};
use crate::record::{body_of, read_body};

/// The current writer of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// The epoch; only grows.
    pub number: u64,
    /// The site that runs the application in it.
    pub site: String,
    /// Why it was taken, in words.
    pub reason: String,
    /// Who took it.
    pub who: String,
    /// When, by the taker's wall clock.
    pub at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    site: String,
    reason: String,
    who: String,
}

impl Catalog {
    /// The epoch of an application; `None` as long as it has never been taken over: then its preferred site is its writer.
    pub fn epoch(&self, application: &Name) -> Result<Option<Epoch>, CatalogError> {
        let series = self.series(Folder::epochs(self.tenant(), application));
        let Some(Numbered { number, record }) = series.latest()? else {
            return Ok(None);
        };
        let wire: Wire = read_body(self.store(), &series.key(number), &record)?;
        Ok(Some(Epoch {
            number,
            site: wire.site,
            reason: wire.reason,
            who: wire.who,
            at: record.at,
        }))
    }

    /// Takes an application over under epoch `number`, which must be above every epoch so far; it may leave numbers out when a
    /// vault has seen higher ones. Whoever is told [`Appended::Superseded`] has not become the writer.
    ///
    /// # Errors
    /// After an error the epoch may still come to stand, even later; repeating the call settles it, as the place is taken then.
    /// Epochs are authority and are never compacted.
    pub fn take_over(
        &self,
        application: &Name,
        number: u64,
        site: &str,
        reason: &str,
        who: &str,
    ) -> Result<Appended, CatalogError> {
        let series = self.series(Folder::epochs(self.tenant(), application));
        let last = series.numbers()?.pop();
        let wire = Wire {
            site: site.to_owned(),
            reason: reason.to_owned(),
            who: who.to_owned(),
        };
        let appended = series.append_at(last, number, body_of(&wire))?;
        // With numbers left out, a higher epoch may have been taken at the same moment: it is the one that holds.
        match series.latest()? {
            Some(Numbered {
                number: highest,
                record,
            }) if highest > number => Ok(Appended::Superseded {
                number: highest,
                by: record.by,
                at: record.at,
            }),
            _ => {
                if let Appended::Won { number } = appended {
                    self.announce(&Change::TakenOver {
                        application: application.clone(),
                        epoch: number,
                    });
                }
                Ok(appended)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn an_epoch_is_taken_once_and_only_grows() {
        let catalog = testing::catalog("acme");
        let shop = Name::application("shop").unwrap();
        assert_eq!(catalog.epoch(&shop).unwrap(), None);
        let take = |number, site| catalog.take_over(&shop, number, site, "office burnt", "ann").unwrap();
        assert_eq!(take(1, "branch"), Appended::Won { number: 1 });
        assert!(matches!(take(1, "attic"), Appended::Superseded { number: 1, .. }));
        assert_eq!(take(7, "attic"), Appended::Won { number: 7 });
        assert!(matches!(take(5, "branch"), Appended::Superseded { number: 7, .. }));
        let epoch = catalog.epoch(&shop).unwrap().unwrap();
        assert_eq!(
            (epoch.number, epoch.site.as_str(), epoch.who.as_str()),
            (7, "attic", "ann")
        );
    }

    #[test]
    fn of_many_who_take_the_same_epoch_one_wins() {
        let catalog = testing::catalog("acme");
        let shop = Name::application("shop").unwrap();
        let won: Vec<bool> = std::thread::scope(|scope| {
            let takers: Vec<_> = (0..8)
                .map(|taker| {
                    let (catalog, shop) = (&catalog, &shop);
                    scope.spawn(move || {
                        let answer = catalog
                            .take_over(shop, 3, &format!("site-{taker}"), "test", "ann")
                            .unwrap();
                        answer == Appended::Won { number: 3 }
                    })
                })
                .collect();
            takers.into_iter().map(|taker| taker.join().unwrap()).collect()
        });
        assert_eq!(won.iter().filter(|won| **won).count(), 1);
        let winner = won.iter().position(|won| *won).unwrap();
        assert_eq!(catalog.epoch(&shop).unwrap().unwrap().site, format!("site-{winner}"));
    }
}
