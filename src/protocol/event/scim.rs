//! SCIM events (RFC 9967): one for each change of a resource, and one for each operation that was answered later. A token
//! carries one event. It names what changed and never the new value, so that a stream of them holds no profile.

use serde_json::{Map, Value, json};

/// What stands before the name of every event.
const PREFIX: &str = "urn:ietf:params:scim:event:";

/// A SCIM event.
#[derive(Debug, Clone, PartialEq)]
pub enum ScimEvent {
    /// A resource was created with these attributes.
    Created(Vec<String>),
    /// A resource was replaced; these attributes differ.
    Replaced(Vec<String>),
    /// A resource was changed in these attributes.
    Patched(Vec<String>),
    /// A resource was removed.
    Deleted,
    /// A user may sign in again.
    Activated,
    /// A user may no longer sign in.
    Deactivated,
    /// An operation of an asynchronous request is over: what the bulk answer says of it.
    Answered(Value),
}

/// The resource that an event is about (`sub_id`, format `scim`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSubject {
    /// The path of the resource below the base URI.
    pub uri: String,
    /// Its id.
    pub id: Option<String>,
    /// The client's id for it.
    pub external_id: Option<String>,
}

/// What identifies a token and its occasion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occasion {
    /// The token's own id.
    pub jti: String,
    /// When it was made, in seconds since the epoch.
    pub iat: i64,
    /// The transaction: the request, and the position of the operation in it where it was asynchronous.
    pub txn: String,
}

impl ScimEvent {
    /// The name of the event.
    pub fn uri(&self) -> String {
        let name = match self {
            Self::Created(_) => "prov:create:notice",
            Self::Replaced(_) => "prov:put:notice",
            Self::Patched(_) => "prov:patch:notice",
            Self::Deleted => "prov:delete",
            Self::Activated => "prov:activate",
            Self::Deactivated => "prov:deactivate",
            Self::Answered(_) => "misc:asyncresp",
        };
        format!("{PREFIX}{name}")
    }

    fn payload(&self, version: Option<&str>) -> Value {
        let mut payload = match self {
            Self::Created(names) | Self::Replaced(names) | Self::Patched(names) => json!({ "attributes": names }),
            Self::Deleted | Self::Activated | Self::Deactivated => json!({}),
            // It has the version among what it repeats.
            Self::Answered(answer) => return answer.clone(),
        };
        if let (Some(payload), Some(version)) = (payload.as_object_mut(), version) {
            payload.insert("version".to_owned(), version.into());
        }
        payload
    }
}

/// The claims of a token, without those that depend on who is told and when: `iss` and `aud` are added with the signature.
pub fn claims(occasion: &Occasion, subject: &EventSubject, event: &ScimEvent, version: Option<&str>) -> Value {
    let mut claims = Map::new();
    claims.insert("jti".to_owned(), occasion.jti.as_str().into());
    claims.insert("iat".to_owned(), occasion.iat.into());
    claims.insert("txn".to_owned(), occasion.txn.as_str().into());
    let mut parts = Map::new();
    parts.insert("format".to_owned(), "scim".into());
    parts.insert("uri".to_owned(), subject.uri.as_str().into());
    for (name, value) in [("id", &subject.id), ("externalId", &subject.external_id)] {
        if let Some(value) = value {
            parts.insert(name.to_owned(), value.as_str().into());
        }
    }
    claims.insert("sub_id".to_owned(), Value::Object(parts));
    claims.insert("events".to_owned(), Value::Object(Map::from_iter([(event.uri(), event.payload(version))])));
    Value::Object(claims)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{EventSubject, Occasion, ScimEvent, claims};

    fn all() -> Vec<ScimEvent> {
        let names = || vec!["title".to_owned()];
        vec![
            ScimEvent::Created(names()),
            ScimEvent::Replaced(names()),
            ScimEvent::Patched(names()),
            ScimEvent::Deleted,
            ScimEvent::Activated,
            ScimEvent::Deactivated,
            ScimEvent::Answered(json!({ "status": "201" })),
        ]
    }

    #[test]
    fn rfc9967_events_have_the_registered_names() {
        let names: Vec<String> = all().iter().map(ScimEvent::uri).collect();
        let registered = [
            "prov:create:notice",
            "prov:put:notice",
            "prov:patch:notice",
            "prov:delete",
            "prov:activate",
            "prov:deactivate",
            "misc:asyncresp",
        ];
        assert_eq!(names, registered.map(|name| format!("urn:ietf:params:scim:event:{name}")));
    }

    #[test]
    fn rfc9967_a_token_has_one_event_and_names_its_subject_by_sub_id() {
        let occasion = Occasion { jti: "j".to_owned(), iat: 7, txn: "t".to_owned() };
        let subject =
            EventSubject { uri: "/Users/1".to_owned(), id: Some("1".to_owned()), external_id: Some("e".to_owned()) };
        let event = ScimEvent::Patched(vec!["title".to_owned(), "active".to_owned()]);
        let wanted = json!({
            "jti": "j", "iat": 7, "txn": "t",
            "sub_id": { "format": "scim", "uri": "/Users/1", "id": "1", "externalId": "e" },
            "events": { "urn:ietf:params:scim:event:prov:patch:notice":
                { "attributes": ["title", "active"], "version": "W/\"2\"" } },
        });
        assert_eq!(claims(&occasion, &subject, &event, Some("W/\"2\"")), wanted);
        for event in all() {
            let claims = claims(&occasion, &subject, &event, None);
            assert_eq!(claims["events"].as_object().unwrap().len(), 1);
            assert!(claims.get("sub").is_none() && claims.get("exp").is_none(), "RFC 8417, section 2.2");
        }
    }
}
