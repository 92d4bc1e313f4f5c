//! What a list is sorted by, as the store knows it.

use super::stands_beside;
use crate::protocol::scim::error::ScimError;
use crate::protocol::scim::filter::ast::Target;
use crate::protocol::scim::resource_type::ResourceType;
use crate::protocol::scim::schema::causeway_user;
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
    if target.container.as_deref() == Some(causeway_user::ID) {
        return Err(ScimError::value(format!("{} is computed and cannot be sorted by", target.attribute)));
    }
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

#[cfg(test)]
mod tests {
    use super::key;
    use crate::protocol::scim::error::ScimType;
    use crate::protocol::scim::resource_type::user;
    use crate::protocol::scim::schema::causeway_user::ID;
    use crate::protocol::scim::sort::target;

    /// What is computed has no values to sort by; a list in no order would pass for one that is sorted.
    #[test]
    fn what_the_gateway_computes_is_not_sorted_by() {
        for name in ["activation", "inviteState", "lockedReason"] {
            let target = target(&format!("{ID}:{name}"), user()).unwrap().unwrap();
            let refused = key(&target, user()).map_err(|error| error.scim_type);
            assert_eq!(refused, Err(ScimType::InvalidValue), "{name}");
        }
    }

    /// Of everything that is announced somebody can have a value.
    #[test]
    fn what_no_user_can_have_is_not_announced() {
        let manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
        assert!(target(&format!("{manager}.value"), user()).unwrap().is_some());
        assert_eq!(target(&format!("{manager}.displayName"), user()).unwrap(), None);
    }
}
