//! What a list is sorted by, as the store knows it.

use super::stands_beside;
use crate::protocol::scim::error::ScimError;
use crate::protocol::scim::filter::ast::Target;
use crate::protocol::scim::resource_type::ResourceType;
use crate::protocol::scim::sort::Order;
use crate::store::order::{Direction, SortKey};

/// The store's word for an order.
pub const fn direction(order: Order) -> Direction {
    match order {
        Order::Ascending => Direction::Ascending,
        Order::Descending => Direction::Descending,
    }
}

/// The key that sorts by this leaf.
pub fn key(target: &Target, resource_type: &ResourceType) -> Result<SortKey, ScimError> {
    if target.container.is_none() {
        match (target.attribute.as_str(), target.part.as_deref()) {
            ("id", _) => return Ok(SortKey::Id),
            ("externalId", _) => return Ok(SortKey::ExternalId),
            ("userName", _) => return Ok(SortKey::UserName),
            ("displayName", _) => return Ok(SortKey::Display),
            ("active", _) => return Ok(SortKey::Active),
            ("meta", Some("created")) => return Ok(SortKey::Created),
            ("meta", Some("lastModified")) => return Ok(SortKey::Updated),
            ("meta", Some("version")) => return Ok(SortKey::Version),
            ("meta", Some("resourceType")) => return Ok(SortKey::Constant(resource_type.name.to_string())),
            ("schemas" | "meta" | "members" | "groups", _) => {
                return Err(ScimError::value(format!("{} cannot be sorted by", target.attribute)));
            }
            _ => {}
        }
    }
    let path = target.search_path.clone();
    Ok(match target.part.as_deref() {
        Some("type") if stands_beside(target, "type", resource_type) => SortKey::ElementType(path),
        Some("primary") if stands_beside(target, "primary", resource_type) => SortKey::ElementPrimary(path),
        _ => SortKey::Value(target.leaf_path()),
    })
}
