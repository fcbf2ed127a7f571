//! The index of sealed points. The vault is the truth about them; this can be dropped and made again.

use serde_json::Value;
use ulid::Ulid;

use crate::catalog::Catalog;
use crate::error::CatalogError;
use crate::layout::{Folder, Key};
use crate::name::Name;
use crate::record::Placed;

/// An entry of the index.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexedPoint {
    /// The point.
    pub id: Ulid,
    /// What the index says of it.
    pub body: Value,
}

impl Catalog {
    /// Enters a sealed point. Entering it again with the same content changes nothing and answers `false`.
    pub fn index_point(&self, application: &Name, point: Ulid, body: Value) -> Result<bool, CatalogError> {
        let key = Folder::points(self.tenant(), application).ulid(point);
        let mine = self.fresh(None, body);
        match self.place(&key, &mine)? {
            Placed::Won => Ok(true),
            Placed::Lost(Some(standing)) if standing.body == mine.body => Ok(false),
            Placed::Lost(_) => Err(CatalogError::PointDiffers {
                application: application.to_string(),
                point: point.to_string(),
            }),
        }
    }

    /// Whether a point of an application is indexed. Costs one look, however many points there are.
    pub fn is_indexed(&self, application: &Name, point: Ulid) -> Result<bool, CatalogError> {
        let key = Folder::points(self.tenant(), application).ulid(point);
        Ok(self.fetch(&key)?.is_some())
    }

    /// The ids of an application's indexed points, oldest first. Costs a listing, and no look at any of them.
    pub fn point_ids(&self, application: &Name) -> Result<Vec<Ulid>, CatalogError> {
        let listed = self.list(&Folder::points(self.tenant(), application))?;
        let mut ids: Vec<Ulid> = listed
            .records
            .iter()
            .filter_map(|name| Ulid::from_string(name).ok())
            .collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// What the index says of these points, in their order; those that are not in it are left out.
    pub fn points(&self, application: &Name, ids: &[Ulid]) -> Result<Vec<IndexedPoint>, CatalogError> {
        let folder = Folder::points(self.tenant(), application);
        let keys: Vec<Key> = ids.iter().map(|id| folder.ulid(*id)).collect();
        let mut points = Vec::with_capacity(ids.len());
        for (id, record) in ids.iter().zip(self.fetch_many(&keys)?) {
            if let Some(record) = record? {
                points.push(IndexedPoint {
                    id: *id,
                    body: record.body,
                });
            }
        }
        Ok(points)
    }

    /// The newest indexed point of which `wanted` says so, looking at as few as possible: the newest first, and ever more at
    /// a time.
    pub fn newest_point(
        &self,
        application: &Name,
        ids: &[Ulid],
        wanted: impl Fn(&IndexedPoint) -> bool,
    ) -> Result<Option<IndexedPoint>, CatalogError> {
        let (mut rest, mut several) = (ids, 1);
        while !rest.is_empty() {
            let (older, newest) = rest.split_at(rest.len().saturating_sub(several));
            let mut found = self.points(application, newest)?;
            found.reverse();
            if let Some(point) = found.into_iter().find(&wanted) {
                return Ok(Some(point));
            }
            (rest, several) = (older, several.saturating_mul(8));
        }
        Ok(None)
    }

    /// Takes a point out of the index; one that is not there is no error.
    pub fn drop_point(&self, application: &Name, point: Ulid) -> Result<(), CatalogError> {
        self.remove(&Folder::points(self.tenant(), application).ulid(point))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use serde_json::json;

    #[test]
    fn points_are_entered_listed_and_dropped() {
        let catalog = testing::catalog("acme");
        let shop = Name::application("shop").unwrap();
        assert_eq!(catalog.point_ids(&shop).unwrap(), []);
        let [first, second] = [Ulid::from_parts(1, 9), Ulid::from_parts(2, 1)];
        assert!(catalog.index_point(&shop, second, json!({"bytes": 2})).unwrap());
        assert!(catalog.index_point(&shop, first, json!({"bytes": 1})).unwrap());
        assert!(!catalog.index_point(&shop, first, json!({"bytes": 1})).unwrap());
        let error = catalog.index_point(&shop, first, json!({"bytes": 7})).unwrap_err();
        assert!(matches!(error, CatalogError::PointDiffers { .. }), "{error}");
        assert_eq!(catalog.point_ids(&shop).unwrap(), [first, second]);
        catalog.drop_point(&shop, first).unwrap();
        assert!(!catalog.is_indexed(&shop, first).unwrap());
        assert!(catalog.is_indexed(&shop, second).unwrap());
        catalog.drop_point(&shop, first).unwrap();
        assert_eq!(
            catalog.points(&shop, &[first, second]).unwrap(),
            [IndexedPoint {
                id: second,
                body: json!({"bytes": 2})
            }]
        );
    }

    #[test]
    fn the_newest_that_is_wanted_is_found_among_many() {
        let catalog = testing::catalog("acme");
        let shop = Name::application("shop").unwrap();
        for number in 0..100_u64 {
            let body = json!({"number": number});
            catalog.index_point(&shop, Ulid::from_parts(number, 1), body).unwrap();
        }
        let ids = catalog.point_ids(&shop).unwrap();
        let newest_below = |below: u64| {
            let wanted = |point: &IndexedPoint| point.body["number"].as_u64().unwrap() < below;
            let found = catalog.newest_point(&shop, &ids, wanted).unwrap();
            found.map(|point| point.body["number"].as_u64().unwrap())
        };
        for below in [100, 99, 92, 50, 1] {
            assert_eq!(newest_below(below), Some(below - 1));
        }
        assert_eq!(newest_below(0), None);
    }
}
