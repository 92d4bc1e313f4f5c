//! What the gateway itself understands of a user's document: names, locale, addresses.

use serde_json::Value;

use crate::directory::profile::Profile;
use crate::protocol::scim::json::Object;
use crate::values::email::EmailAddress;

/// The attributes that the gateway itself understands. The primary address comes first; a user name that is an
/// address counts as one. What is not an address in the gateway's strict form stays in the document alone.
pub(super) fn of(document: &Object, user_name: &str) -> Profile {
    let of = |holder: Option<&Object>, name: &str| {
        holder.and_then(|holder| holder.get(name)).and_then(Value::as_str).map(str::to_owned)
    };
    let name = document.get("name").and_then(Value::as_object);
    let mut emails: Vec<&Value> = document.get("emails").and_then(Value::as_array).into_iter().flatten().collect();
    emails.sort_by_key(|email| email.get("primary").and_then(Value::as_bool) != Some(true));
    let listed = emails.iter().filter_map(|email| email.get("value")).filter_map(Value::as_str);
    let mut addresses: Vec<EmailAddress> = Vec::new();
    for address in listed.chain([user_name]).filter_map(|text| text.parse().ok()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Profile {
        display_name: of(Some(document), "displayName").or_else(|| of(name, "formatted")),
        given_name: of(name, "givenName"),
        family_name: of(name, "familyName"),
        locale: of(Some(document), "locale").or_else(|| of(Some(document), "preferredLanguage")),
        zoneinfo: of(Some(document), "timezone"),
        addresses,
    }
}

/// The attributes of a stored document that the gateway itself understands.
pub(super) fn of_stored(document: &Object) -> Profile {
    of(document, document.get("userName").and_then(Value::as_str).unwrap_or_default())
}
