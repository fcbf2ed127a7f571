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

    /// The indexed points of an application, oldest first.
    pub fn points(&self, application: &Name) -> Result<Vec<IndexedPoint>, CatalogError> {
        let folder = Folder::points(self.tenant(), application);
        let ids: Vec<Ulid> = self
            .list(&folder)?
            .records
            .iter()
            .filter_map(|name| Ulid::from_string(name).ok())
            .collect();
        let keys: Vec<Key> = ids.iter().map(|id| folder.ulid(*id)).collect();
        let mut points = Vec::with_capacity(ids.len());
        for (id, record) in ids.into_iter().zip(self.fetch_many(&keys)?) {
            // One that was dropped between the listing and the reading is no longer a point.
            if let Some(record) = record? {
                points.push(IndexedPoint { id, body: record.body });
            }
        }
        Ok(points)
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
        assert_eq!(catalog.points(&shop).unwrap(), []);
        let [first, second] = [Ulid::from_parts(1, 9), Ulid::from_parts(2, 1)];
        assert!(catalog.index_point(&shop, second, json!({"bytes": 2})).unwrap());
        assert!(catalog.index_point(&shop, first, json!({"bytes": 1})).unwrap());
        assert!(!catalog.index_point(&shop, first, json!({"bytes": 1})).unwrap());
        let error = catalog.index_point(&shop, first, json!({"bytes": 7})).unwrap_err();
        assert!(matches!(error, CatalogError::PointDiffers { .. }), "{error}");
        let ids: Vec<Ulid> = catalog
            .points(&shop)
            .unwrap()
            .into_iter()
            .map(|point| point.id)
            .collect();
        assert_eq!(ids, [first, second]);
        catalog.drop_point(&shop, first).unwrap();
        assert!(!catalog.is_indexed(&shop, first).unwrap());
        assert!(catalog.is_indexed(&shop, second).unwrap());
        catalog.drop_point(&shop, first).unwrap();
        assert_eq!(
            catalog.points(&shop).unwrap(),
            [IndexedPoint {
                id: second,
                body: json!({"bytes": 2})
            }]
        );
    }
}
