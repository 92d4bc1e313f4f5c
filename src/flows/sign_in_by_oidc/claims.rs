//! Reading what a provider says about a person. Claims of a wrong type count as absent.

use serde_json::{Map, Value};

use crate::values::domain_name::DomainName;
use crate::values::email::EmailAddress;

/// Google's issuer.
const GOOGLE: &str = "https://accounts.google.com";
/// At most this many groups are read.
const MAX_GROUPS: usize = 2_000;
/// The longest name, in characters.
const MAX_NAME: usize = 200;

/// True when an ID token says all that matters, so that UserInfo need not be asked. `matched` is the claim that the
/// connection's linking rule compares, if it names one.
pub fn is_enough(id_token: &Map<String, Value>, matched: Option<&str>) -> bool {
    let needed = ["email", "email_verified"].into_iter().chain(matched);
    needed.into_iter().all(|claim| id_token.contains_key(claim))
}

/// The claims of an ID token that says too little, completed from UserInfo. The signed claims win, but an address and
/// what is said about it come from one source: UserInfo, if it has an address.
pub fn merge(id_token: &Map<String, Value>, userinfo: Map<String, Value>) -> Map<String, Value> {
    let mut merged = userinfo;
    if !merged.contains_key("email") {
        merged.remove("email_verified");
        merged.extend(id_token.get("email").map(|email| ("email".to_owned(), email.clone())));
    }
    let others = id_token.iter().filter(|(name, _)| !["email", "email_verified"].contains(&name.as_str()));
    merged.extend(others.map(|(name, value)| (name.clone(), value.clone())));
    merged
}

/// The address, if there is one that the gateway accepts.
pub fn email(claims: &Map<String, Value>) -> Option<EmailAddress> {
    claims.get("email")?.as_str()?.parse().ok()
}

/// Whether the provider vouches for the address. Silence is a no (CVE-2026-9092). Some providers write the boolean as
/// a string (AWS Cognito, Apple). Google's consumer accounts may have an address at any domain, verified once: Google vouches
/// for it only where `hd` names the domain of a workspace, which has to be that of the address.
pub fn is_email_verified(claims: &Map<String, Value>, issuer: &str) -> bool {
    let is_said = match claims.get("email_verified") {
        Some(Value::Bool(is_verified)) => *is_verified,
        Some(Value::String(text)) => text == "true",
        _ => false,
    };
    is_said && (issuer != GOOGLE || is_of_workspace(claims))
}

fn is_of_workspace(claims: &Map<String, Value>) -> bool {
    let hosted = claims.get("hd").and_then(Value::as_str).and_then(|text| text.parse::<DomainName>().ok());
    hosted.is_some_and(|hosted| email(claims).is_some_and(|address| *address.domain() == hosted))
}

/// A claim that is a name.
pub fn name(claims: &Map<String, Value>, claim: &str) -> Option<String> {
    sound(claims.get(claim)?)
}

/// The groups, where the provider lists names.
pub fn groups(claims: &Map<String, Value>) -> Vec<String> {
    let listed = claims.get("groups").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    listed.iter().filter_map(sound).take(MAX_GROUPS).collect()
}

fn sound(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    let is_sound = !text.is_empty() && text.chars().count() <= MAX_NAME && !text.chars().any(char::is_control);
    is_sound.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{email, groups, is_email_verified, is_enough, merge, name};

    fn claims(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn silence_about_an_address_is_not_a_yes() {
        for (value, expected) in [
            (json!({ "email_verified": true }), true),
            (json!({ "email_verified": "true" }), true),
            (json!({ "email_verified": false }), false),
            (json!({ "email_verified": "True" }), false),
            (json!({ "email_verified": 1 }), false),
            (json!({ "email_verified": null }), false),
            (json!({}), false),
        ] {
            assert_eq!(is_email_verified(&claims(value.clone()), "https://idp.test"), expected, "{value}");
        }
    }

    #[test]
    fn google_vouches_for_the_addresses_of_a_workspace_only() {
        for (hosted, expected) in [
            (json!("acme.test"), true),
            (json!("globex.test"), false),
            (json!(""), false),
            (json!(true), false),
            (Value::Null, false),
        ] {
            let told = claims(json!({ "email": "ada@acme.test", "email_verified": true, "hd": hosted }));
            assert_eq!(is_email_verified(&told, "https://accounts.google.com"), expected, "{hosted}");
            assert!(is_email_verified(&told, "https://idp.test"), "{hosted}");
        }
    }

    #[test]
    fn an_address_and_its_verification_come_from_one_source() {
        let both = json!({ "email": "ada@acme.test", "email_verified": true });
        let cases = [
            ("only the address is signed", json!({ "email": "eve@acme.test" }), both.clone(), true, "ada@acme.test"),
            (
                "only the yes is signed",
                json!({ "email_verified": true }),
                json!({ "email": "ada@acme.test" }),
                false,
                "ada@acme.test",
            ),
            (
                "the yes comes without its address",
                json!({ "email": "ada@acme.test" }),
                json!({ "email_verified": true }),
                false,
                "ada@acme.test",
            ),
            ("nothing is signed", json!({}), both, true, "ada@acme.test"),
        ];
        for (case, id_token, userinfo, is_verified, address) in cases {
            assert!(!is_enough(&claims(id_token.clone()), None), "{case}");
            let merged = merge(&claims(id_token), claims(userinfo));
            assert_eq!(email(&merged).unwrap().as_str(), address, "{case}");
            assert_eq!(is_email_verified(&merged, "https://idp.test"), is_verified, "{case}");
        }
    }

    #[test]
    fn signed_claims_win_over_userinfo() {
        let merged = merge(&claims(json!({ "name": "Ada" })), claims(json!({ "name": "Eve", "given_name": "A" })));
        assert_eq!(
            (name(&merged, "name").as_deref(), name(&merged, "given_name").as_deref()),
            (Some("Ada"), Some("A"))
        );
    }

    #[test]
    fn claims_of_a_wrong_shape_count_as_absent() {
        let odd = claims(json!({
            "email": ["ada@acme.test"], "name": "a\u{1}b", "given_name": "", "groups": ["ops", 7, "", "dev"],
        }));
        assert_eq!(email(&odd), None);
        assert_eq!((name(&odd, "name"), name(&odd, "given_name")), (None, None));
        assert_eq!(groups(&odd), ["ops", "dev"]);
    }
}
