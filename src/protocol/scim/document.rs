//! A resource as a client sends it with POST or PUT, brought into the form that is stored: canonical names and order
//! of the client, nothing unknown, nothing that only the server writes.

use serde_json::Value;

use super::attribute::Attribute;
use super::error::ScimError;
use super::json::{Object, is_unassigned};
use super::member;
use super::required;
use super::resource_type::ResourceType;
use super::rewrite::Rule;
use super::validation::{self, Rules};

/// How many entries `schemas` may have beside those of the resource type: some clients name schemas of their own.
const MOST_FOREIGN_SCHEMAS: usize = 16;

/// A checked resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The document without `id` and `meta`; `schemas` comes first.
    pub document: Object,
    /// The ids of the members that the request names, when it names any.
    pub members: Option<Vec<String>>,
}

/// Checks a body against its resource type. Unknown attributes are left out, what is readOnly is ignored (RFC 7644,
/// section 3.3), what is required must be there.
pub fn read(body: Object, resource_type: &ResourceType, rules: &Rules) -> Result<Draft, ScimError> {
    check_schemas(&body, resource_type, rules)?;
    let mut document = Object::new();
    let mut members = None;
    for (name, value) in body {
        if let Some(schema) = resource_type.extension(&name) {
            let container = extension(&schema.attributes, &schema.id, value, rules)?;
            if !container.is_empty() && document.insert(schema.id.to_string(), Value::Object(container)).is_some() {
                return Err(twice(&schema.id));
            }
            continue;
        }
        let Some(attribute) = resource_type.top(&name) else { continue };
        if is_member_list(resource_type, attribute) {
            if members.replace(member::ids(&value, rules)?).is_some() {
                return Err(twice(&attribute.name));
            }
        } else if attribute.name != "schemas"
            && validation::is_written(attribute)
            && let Some(value) = validation::value(attribute, value, rules)?
            && document.insert(attribute.name.to_string(), value).is_some()
        {
            return Err(twice(&attribute.name));
        }
    }
    Ok(Draft { document: finish(document, resource_type, None)?, members })
}

/// True for the attribute whose values are rows.
pub fn is_member_list(resource_type: &ResourceType, attribute: &Attribute) -> bool {
    resource_type.name == "Group" && attribute.name == "members"
}

fn extension(attributes: &[Attribute], id: &str, value: Value, rules: &Rules) -> Result<Object, ScimError> {
    let members = match value {
        Value::Object(members) => members,
        unassigned if is_unassigned(&unassigned) => return Ok(Object::new()),
        _ => return Err(ScimError::value(format!("{id} is not an object"))),
    };
    let mut container = Object::new();
    for (name, value) in members {
        let Some(attribute) = attributes.iter().find(|attribute| attribute.is_named(&name)) else { continue };
        if validation::is_written(attribute)
            && let Some(value) = validation::value(attribute, value, rules)?
            && container.insert(attribute.name.to_string(), value).is_some()
        {
            return Err(twice(&attribute.name));
        }
    }
    Ok(container)
}

/// Puts `schemas` first, with the base schema and the extensions in use, and checks what is required. What the extensions
/// require of a document that is not compared with one `before` is checked where it is known whether there is one
/// (`required::check_extensions`).
pub fn finish(
    mut document: Object,
    resource_type: &ResourceType,
    before: Option<&Object>,
) -> Result<Object, ScimError> {
    if resource_type.is_being_cleared {
        document.retain(|name, _| resource_type.has(name));
    }
    required::check_base(&document, before, resource_type)?;
    if before.is_some() {
        required::check_extensions(&document, before, resource_type)?;
    }
    let in_use = resource_type
        .schemas()
        .filter(|schema| schema.id == resource_type.schema.id || document.contains_key(schema.id.as_ref()))
        .map(|schema| Value::String(schema.id.to_string()))
        .collect();
    let mut finished = Object::new();
    finished.insert("schemas".to_owned(), Value::Array(in_use));
    finished.extend(document.into_iter().filter(|(name, _)| name != "schemas"));
    Ok(finished)
}

/// RFC 7643, section 3: a non-empty array without duplicates, of schemas that the resource type has.
fn check_schemas(body: &Object, resource_type: &ResourceType, rules: &Rules) -> Result<(), ScimError> {
    let listed = match super::json::get(body, "schemas") {
        Some(Value::Array(listed)) if !listed.is_empty() => listed.as_slice(),
        None => &[],
        Some(value) if is_unassigned(value) => &[],
        Some(_) => return Err(ScimError::syntax("schemas is not an array of URNs").by("rfc7643:3")),
    };
    // The entries are compared with each other, and a body has room for hundreds of thousands.
    let most = resource_type.schemas().count().saturating_add(MOST_FOREIGN_SCHEMAS);
    if listed.len() > most {
        return Err(ScimError::value(format!("schemas names more than {most} schemas")));
    }
    let Some(problem) = problem_of_schemas(listed, resource_type)? else { return Ok(()) };
    if !rules.tolerance.loose_schemas.is_understood() {
        return Err(problem);
    }
    let known = resource_type
        .schemas()
        .filter(|schema| schema.id == resource_type.schema.id || super::json::get(body, &schema.id).is_some());
    let understood = known.map(|schema| Value::String(schema.id.to_string())).collect();
    rules.note(Rule::LooseSchemas, "schemas", Value::Array(listed.to_vec()), Value::Array(understood));
    Ok(())
}

/// What a client that is held to the letter hears of its `schemas`. What is no text is refused to everybody.
fn problem_of_schemas(listed: &[Value], resource_type: &ResourceType) -> Result<Option<ScimError>, ScimError> {
    let mut seen: Vec<String> = Vec::new();
    let mut problem = None;
    for urn in listed {
        let not_a_text = || ScimError::syntax("schemas is not an array of URNs").by("rfc7643:3");
        let urn = urn.as_str().ok_or_else(not_a_text)?.to_lowercase();
        if !resource_type.schemas().any(|schema| schema.id.eq_ignore_ascii_case(&urn)) {
            problem.get_or_insert("schemas names one that the resource type does not have");
        }
        if seen.contains(&urn) {
            problem.get_or_insert("schemas names one twice");
        }
        seen.push(urn);
    }
    if listed.is_empty() {
        return Ok(Some(ScimError::syntax("schemas is not an array of URNs").under(Rule::LooseSchemas)));
    }
    if !seen.iter().any(|urn| resource_type.schema.id.eq_ignore_ascii_case(urn)) {
        problem.get_or_insert("schemas does not name the base schema");
    }
    Ok(problem.map(|problem| ScimError::value(problem).under(Rule::LooseSchemas)))
}

fn twice(name: &str) -> ScimError {
    ScimError::syntax(format!("{name} stands twice")).by("rfc7643:2.1")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Draft, read};
    use crate::protocol::scim::error::{ScimError, ScimType};
    use crate::protocol::scim::limits::Limits;
    use crate::protocol::scim::resource_type::{group, user};
    use crate::protocol::scim::tolerance::Profile;
    use crate::protocol::scim::validation::Rules;

    const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    fn draft(profile: Profile, body: Value) -> Result<Draft, ScimError> {
        let rules = Rules::new(profile.tolerance(), Limits::default());
        read(body.as_object().unwrap().clone(), user(), &rules)
    }

    fn standard(body: Value) -> Result<Value, ScimType> {
        draft(Profile::Standard, body).map(|draft| Value::Object(draft.document)).map_err(|error| error.scim_type)
    }

    #[test]
    fn names_become_canonical_and_the_servers_own_are_ignored() {
        let document = standard(json!({
            "schemas": [USER, ENTERPRISE], "USERNAME": "ada", "id": "mine", "groups": [{ "value": "g" }],
            "meta": { "version": "1" }, "password": "secret", "nope": 1, "__proto__": { "x": 1 },
            ENTERPRISE.to_uppercase(): { "Department": "R&D", "Manager": { "Value": "m", "displayName": "M" } },
            "emails": [{ "Value": "a@b.test", "Type": "work", "Primary": true, "nope": 1 }]
        }));
        let wanted = json!({
            "schemas": [USER, ENTERPRISE], "userName": "ada",
            ENTERPRISE: { "department": "R&D", "manager": { "value": "m" } },
            "emails": [{ "value": "a@b.test", "type": "work", "primary": true }]
        });
        assert_eq!(document, Ok(wanted));
    }

    #[test]
    fn unassigned_null_and_empty_are_one_state() {
        let bare = standard(json!({ "schemas": [USER], "userName": "ada" }));
        let empty = standard(json!({
            "schemas": [USER], "userName": "ada", "title": null, "emails": [], "name": {}, "roles": [null]
        }));
        assert_eq!(bare, empty);
    }

    #[test]
    fn values_that_do_not_fit_are_refused() {
        for (attribute, value) in [
            ("userName", json!("")),
            ("userName", json!(" ")),
            ("userName", json!(["a"])),
            ("userName", json!(null)),
            ("active", json!("yes")),
            ("name", json!("Ada")),
            ("emails", json!([{ "value": "a", "primary": true }, { "value": "b", "primary": true }])),
            ("emails", json!([[]])),
            ("x509Certificates", json!([{ "value": "not base64!" }])),
            ("photos", json!([{ "value": "https://a b" }])),
        ] {
            let mut body = json!({ "schemas": [USER], "userName": "ada" });
            body[attribute] = value.clone();
            assert_eq!(standard(body), Err(ScimType::InvalidValue), "{attribute} {value}");
        }
        assert_eq!(standard(json!({ "schemas": [USER] })), Err(ScimType::InvalidValue));
    }

    #[test]
    fn s4_1_what_has_a_form_is_checked_for_strict_clients_and_kept_for_others() {
        for (attribute, value) in [
            ("addresses", json!([{ "country": "USA" }])),
            ("timezone", json!("Pacific Standard Time")),
            ("locale", json!("en_US")),
            ("preferredLanguage", json!("en_US")),
            ("x509Certificates", json!([{ "value": "AAEC" }])),
        ] {
            let mut body = json!({ "schemas": [USER], "userName": "ada" });
            body[attribute] = value.clone();
            assert_eq!(standard(body.clone()).unwrap()[attribute], value, "{attribute}");
            let refused = draft(Profile::Strict, body).unwrap_err();
            assert_eq!(refused.scim_type, ScimType::InvalidValue, "{attribute}");
        }
        let mut body = json!({ "schemas": [USER], "userName": "ada" });
        body["addresses"] = json!([{ "country": "us" }]);
        assert_eq!(standard(body).unwrap()["addresses"], json!([{ "country": "US" }]));
    }

    #[test]
    fn s2_4_the_same_type_and_value_stand_once() {
        let emails = json!([{ "value": "a", "type": "work" }, { "value": "a", "type": "home" },
            { "value": "a", "type": "work", "display": "A" }]);
        let document = standard(json!({ "schemas": [USER], "userName": "ada", "emails": emails })).unwrap();
        let once = json!([{ "value": "a", "type": "work", "display": "A" }, { "value": "a", "type": "home" }]);
        assert_eq!(document["emails"], once);
    }

    #[test]
    fn one_attribute_in_two_spellings_is_refused() {
        let twice = json!({ "schemas": [USER], "userName": "ada", "username": "eve" });
        assert_eq!(standard(twice), Err(ScimType::InvalidSyntax));
    }

    #[test]
    fn what_stands_twice_is_refused_wherever_it_stands() {
        let user = |name: &str, value: Value| {
            let mut body = json!({ "schemas": [USER], "userName": "ada" });
            body[name] = value;
            body
        };
        let mut extension = user(ENTERPRISE, json!({ "department": "R&D" }));
        extension[ENTERPRISE.to_uppercase()] = json!({ "department": "Sales" });
        for body in [
            extension,
            user(ENTERPRISE, json!({ "department": "R&D", "DEPARTMENT": "Sales" })),
            user("name", json!({ "givenName": "Ada", "GIVENNAME": "Eve" })),
        ] {
            assert_eq!(standard(body.clone()), Err(ScimType::InvalidSyntax), "{body}");
        }
        let rules = Rules::new(Profile::Standard.tolerance(), Limits::default());
        let team = json!({ "displayName": "g", "members": [{ "value": "u1" }], "MEMBERS": [] });
        let refused = read(team.as_object().unwrap().clone(), group(), &rules).unwrap_err();
        assert_eq!(refused.scim_type, ScimType::InvalidSyntax);
    }

    #[test]
    fn strict_clients_say_unassigned_as_the_standard_does_and_nothing_more_loosely() {
        let strict = |body: Value| draft(Profile::Strict, body).map_err(|error| error.scim_type);
        let with = |name: &str, value: Value| {
            let mut body = json!({ "schemas": [USER], "userName": "ada" });
            body[name] = value;
            body
        };
        let bare = strict(json!({ "schemas": [USER], "userName": "ada" }));
        for (name, value) in [("roles", json!(null)), ("roles", json!([null])), ("title", json!(null))] {
            assert_eq!(strict(with(name, value.clone())), bare, "{name} {value}");
        }
        assert_eq!(strict(with("schemas", json!([USER, "urn:x:y"]))), Err(ScimType::InvalidValue));
        let rules = Rules::new(Profile::Strict.tolerance(), Limits::default());
        let members = |members: Value| {
            let team = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "g",
                "members": members });
            read(team.as_object().unwrap().clone(), group(), &rules).map_err(|error| error.scim_type)
        };
        assert_eq!(members(json!(["u1"])), Err(ScimType::InvalidValue));
        assert_eq!(members(json!([{ "value": "u1" }])).unwrap().members, Some(vec!["u1".to_owned()]));
    }

    #[test]
    fn a_text_that_looks_like_json_is_a_text_but_where_entra_packs_roles() {
        let packed = json!({ "value": "Admin", "id": "1" }).to_string();
        for (profile, name, wanted) in [
            (Profile::Entra, "roles", "Admin"),
            (Profile::Entra, "emails", packed.as_str()),
            (Profile::Standard, "roles", packed.as_str()),
        ] {
            let mut body = json!({ "schemas": [USER], "userName": "ada" });
            body[name] = json!([{ "value": packed }]);
            let document = draft(profile, body).unwrap().document;
            assert_eq!(document[name][0]["value"], wanted, "{name}");
        }
    }

    #[test]
    fn what_entra_sends_is_understood_and_refused_to_strict_clients() {
        let body = json!({
            "schemas": [USER, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/User"],
            "userName": "ada", "active": "True", "meta": { "resourceType": "User" }, "roles": [],
            ENTERPRISE: { "manager": "m-1", "employeeNumber": 7 }
        });
        let document = draft(Profile::Entra, body.clone()).unwrap().document;
        assert_eq!(document["active"], json!(true));
        assert_eq!(document[ENTERPRISE], json!({ "manager": { "value": "m-1" }, "employeeNumber": "7" }));
        assert!(draft(Profile::Strict, body).is_err());
    }

    #[test]
    fn very_many_schemas_are_refused_before_they_are_compared() {
        let begun = std::time::Instant::now();
        for profile in [Profile::Standard, Profile::Entra, Profile::Strict] {
            let schemas: Vec<String> =
                std::iter::once(USER.to_owned()).chain((0..200_000).map(|n| n.to_string())).collect();
            let refused = draft(profile, json!({ "schemas": schemas, "userName": "ada" }));
            assert_eq!(refused.map_err(|error| error.scim_type), Err(ScimType::InvalidValue));
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(10), "the schemas were compared with each other");
        let few: Vec<String> = std::iter::once(USER.to_owned()).chain((0..10).map(|n| format!("urn:x:{n}"))).collect();
        assert!(draft(Profile::Entra, json!({ "schemas": few, "userName": "ada" })).is_ok());
    }

    #[test]
    fn members_leave_the_document() {
        let rules = Rules::new(Profile::Standard.tolerance(), Limits::default());
        let body = |members: Value| json!({ "displayName": "g", "members": members }).as_object().unwrap().clone();
        let draft = read(body(json!([{ "value": "u1", "type": "User" }, "u2"])), group(), &rules).unwrap();
        assert_eq!(draft.members, Some(vec!["u1".to_owned(), "u2".to_owned()]));
        assert!(!draft.document.contains_key("members"));
        for odd in [json!([{ "display": "x" }]), json!([7]), json!([[]]), json!([""])] {
            assert!(read(body(odd.clone()), group(), &rules).is_err(), "{odd}");
        }
    }
}
