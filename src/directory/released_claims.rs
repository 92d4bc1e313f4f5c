//! Attributes of an organization's users that it releases to applications as claims. The mapping is set where the schemas are
//! known (`provisioning::claim_mappings`); here it is read and applied to a stored document.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::protocol::oidc::claims::SUPPORTED;
use crate::protocol::oidc::scope::{Scope, ScopeSet};
use crate::store::failure::StoreError;
use crate::store::{Tx, resources};
use crate::values::ids::{AccountId, OrganizationId};

/// Claims that a library or the standard gives a meaning of its own, beside those that the gateway makes.
const RESERVED: [&str; 22] = [
    "nbf",
    "jti",
    "azp",
    "c_hash",
    "s_hash",
    "sub_jwk",
    "sub_id",
    "cnf",
    "act",
    "may_act",
    "scope",
    "scp",
    "client_id",
    "events",
    "txn",
    "toe",
    "_claim_names",
    "_claim_sources",
    "phone_number_verified",
    "sep",
    "grant",
    "error",
];
/// The longest name of a claim.
const MAX_NAME_CHARS: usize = 64;

/// One attribute and the claim that it becomes. Names are in the spelling of the stored document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimMapping {
    /// The claim.
    pub claim: String,
    /// The URN of the extension that holds the attribute; `None` at the top of the document.
    pub container: Option<String>,
    /// The attribute.
    pub attribute: String,
    /// The sub-attribute.
    pub part: Option<String>,
    /// Which scope releases it.
    pub scope: Scope,
}

/// Refuses a name that cannot be a claim of an organization's own.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/');
    let is_reserved = SUPPORTED.iter().chain(&RESERVED).any(|known| known.eq_ignore_ascii_case(name));
    match () {
        () if name.is_empty() || name.len() > MAX_NAME_CHARS || !name.chars().all(is_name) => {
            Err("a claim has 1 to 64 letters, digits, '_', '-', '.', ':' and '/'")
        }
        () if is_reserved => Err("the claim has a meaning of its own"),
        () => Ok(()),
    }
}

/// Reads the mappings of an organization.
pub fn read(text: &str) -> Result<Vec<ClaimMapping>, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Inconsistent("organizations.claim_mappings"))
}

/// What `scope` releases of a member, with one query. Somebody who is not provisioned has nothing to release.
pub fn of(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    account: AccountId,
    mappings: &[ClaimMapping],
    scope: ScopeSet,
) -> Result<Map<String, Value>, StoreError> {
    let mut released = mappings.iter().filter(|mapping| scope.contains(mapping.scope)).peekable();
    if released.peek().is_none() {
        return Ok(Map::new());
    }
    let Some(text) = resources::document_of_account(tx, organization, account)? else { return Ok(Map::new()) };
    let document: Map<String, Value> =
        serde_json::from_str(&text).map_err(|_| StoreError::Inconsistent("resource_docs.document"))?;
    Ok(released.filter_map(|mapping| Some((mapping.claim.clone(), value(mapping, &document)?))).collect())
}

/// The value in the type that it has; of a part of a multi-valued attribute, the parts of all values.
fn value(mapping: &ClaimMapping, document: &Map<String, Value>) -> Option<Value> {
    let holder = match &mapping.container {
        Some(urn) => document.get(urn)?.as_object()?,
        None => document,
    };
    let value = holder.get(&mapping.attribute)?;
    let Some(part) = &mapping.part else { return Some(value.clone()) };
    match value {
        Value::Array(items) => {
            let parts: Vec<Value> = items.iter().filter_map(|item| item.get(part)).cloned().collect();
            (!parts.is_empty()).then_some(Value::Array(parts))
        }
        single => single.get(part).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ClaimMapping, check_name, value};
    use crate::protocol::oidc::scope::Scope;

    #[test]
    fn a_claim_with_a_meaning_of_its_own_is_refused() {
        for name in ["sub", "SUB", "email_verified", "org", "scope", "client_id", "_claim_names", "", "a b", "\u{e9}"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name(&"x".repeat(65)).is_err());
        for name in ["department", "https://acme.test/claims/badge", "phone_number"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_claim_keeps_the_type_of_its_attribute() {
        let document =
            json!({ "title": "x", "urn:a": { "grade": 7 }, "roles": [{ "value": "a" }, { "display": "b" }] });
        let of = |container: Option<&str>, attribute: &str, part: Option<&str>| -> Option<Value> {
            let mapping = ClaimMapping {
                claim: "c".to_owned(),
                container: container.map(str::to_owned),
                attribute: attribute.to_owned(),
                part: part.map(str::to_owned),
                scope: Scope::Profile,
            };
            value(&mapping, document.as_object().unwrap())
        };
        assert_eq!(of(None, "title", None), Some(json!("x")));
        assert_eq!(of(Some("urn:a"), "grade", None), Some(json!(7)));
        assert_eq!(of(None, "roles", Some("value")), Some(json!(["a"])));
        assert_eq!(of(None, "roles", None), Some(json!([{ "value": "a" }, { "display": "b" }])));
        assert_eq!((of(None, "roles", Some("type")), of(Some("urn:b"), "x", None)), (None, None));
    }
}
