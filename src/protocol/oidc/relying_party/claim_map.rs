//! Which claims of a provider say who the person is. Claims of a wrong type count as absent; whether what is said is
//! believed is for `directory::linking`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::preset::Preset;
use crate::values::email::EmailAddress;

/// At most this many groups are read.
const MAX_GROUPS: usize = 2_000;
/// The longest name, in characters.
const MAX_NAME: usize = 200;

/// Names that an organization has chosen. One that is not chosen is the preset's. The address is always `email`, for what a
/// provider says about that claim it says about no other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClaimNames {
    /// The given name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// The family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// The name to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<String>,
}

impl ClaimNames {
    /// Those that are chosen.
    pub fn chosen(&self) -> impl Iterator<Item = &String> {
        [&self.given_name, &self.family_name, &self.display_name, &self.groups].into_iter().flatten()
    }
}

/// The claims to look under, best first. Names are compared byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimMap {
    /// The given name.
    pub given_name: Vec<String>,
    /// The family name.
    pub family_name: Vec<String>,
    /// The name to show.
    pub display_name: Vec<String>,
    /// The groups; the values of all of these are taken.
    pub groups: Vec<String>,
}

/// What a provider calls a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// The given name.
    pub given_name: Option<String>,
    /// The family name.
    pub family_name: Option<String>,
    /// The name to show.
    pub display_name: Option<String>,
    /// The groups, each once.
    pub groups: Vec<String>,
}

impl ClaimMap {
    /// The names of a preset, and instead of them those that were chosen.
    pub fn new(preset: Preset, chosen: &ClaimNames) -> Self {
        let names = |chosen: &Option<String>, preset: &[&str]| match chosen {
            Some(name) => vec![name.clone()],
            None => preset.iter().map(|name| (*name).to_owned()).collect(),
        };
        let groups: &[&str] = match preset {
            Preset::Generic | Preset::Okta => &["groups"],
            // App roles are claims of their own there.
            Preset::EntraId => &["groups", "roles"],
            // Google sends none; a claim of that name would be somebody else's.
            Preset::Google => &[],
        };
        Self {
            given_name: names(&chosen.given_name, &["given_name"]),
            family_name: names(&chosen.family_name, &["family_name"]),
            display_name: names(&chosen.display_name, &["name"]),
            groups: names(&chosen.groups, groups),
        }
    }

    /// What the claims say about the person.
    pub fn read(&self, claims: &Map<String, Value>) -> Person {
        let first = |names: &[String]| names.iter().find_map(|name| text(claims, name));
        Person {
            given_name: first(&self.given_name),
            family_name: first(&self.family_name),
            display_name: first(&self.display_name),
            groups: self.groups(claims),
        }
    }

    fn groups(&self, claims: &Map<String, Value>) -> Vec<String> {
        let mut groups: Vec<String> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for name in &self.groups {
            let listed = claims.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            for group in listed.iter().filter_map(sound) {
                if groups.len() < MAX_GROUPS && seen.insert(group.clone()) {
                    groups.push(group);
                }
            }
        }
        groups
    }
}

/// What the gateway makes something of, beside the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Uses {
    /// Names: people get accounts as they sign in.
    pub names: bool,
    /// Groups: some of them carry a role.
    pub groups: bool,
}

/// True when an ID token says all that matters, so that UserInfo need not be asked: the address and what is said about it,
/// whatever else the connection `needs`, and of what is called as the preset calls it as much as is used.
pub fn is_enough<'a>(
    id_token: &Map<String, Value>,
    preset: Preset,
    (map, uses): (&ClaimMap, Uses),
    mut needs: impl Iterator<Item = &'a String>,
) -> bool {
    let has = |claim: &str| id_token.contains_key(claim);
    let has_any = |names: &[String]| names.iter().any(|name| has(name));
    // Entra ID says at UserInfo no more about an address than in the ID token, and nothing about groups.
    let is_address_told = has("email") && (preset == Preset::EntraId || has(preset.vouching_claim()));
    let are_names_told =
        !uses.names || has_any(&map.display_name) || (has_any(&map.given_name) && has_any(&map.family_name));
    let are_groups_told = !uses.groups || preset == Preset::EntraId || map.groups.is_empty() || has_any(&map.groups);
    is_address_told && are_names_told && are_groups_told && needs.all(|claim| has(claim))
}

/// The claims of an ID token that says too little, completed from UserInfo. The signed claims win, but an address and
/// what is said about it come from one source: UserInfo, if it has an address.
pub fn merge(id_token: &Map<String, Value>, userinfo: Map<String, Value>, preset: Preset) -> Map<String, Value> {
    let vouching = preset.vouching_claim();
    let mut merged = userinfo;
    if !merged.contains_key("email") {
        merged.remove(vouching);
        merged.extend(id_token.get("email").map(|email| ("email".to_owned(), email.clone())));
    }
    let others = id_token.iter().filter(|(name, _)| name.as_str() != "email" && name.as_str() != vouching);
    merged.extend(others.map(|(name, value)| (name.clone(), value.clone())));
    merged
}

/// The address, if there is one that the gateway accepts.
pub fn email(claims: &Map<String, Value>) -> Option<EmailAddress> {
    claims.get("email")?.as_str()?.parse().ok()
}

/// A claim that is a name.
pub fn text(claims: &Map<String, Value>, claim: &str) -> Option<String> {
    sound(claims.get(claim)?)
}

fn sound(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    let is_sound = !text.is_empty() && text.chars().count() <= MAX_NAME && !text.chars().any(char::is_control);
    is_sound.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{ClaimMap, ClaimNames, MAX_GROUPS, Uses, email, is_enough, merge, text};
    use crate::protocol::oidc::relying_party::preset::Preset;

    fn claims(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn map(preset: Preset) -> ClaimMap {
        ClaimMap::new(preset, &ClaimNames::default())
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
        for (case, id_token, userinfo, is_vouched, address) in cases {
            assert!(
                !is_enough(
                    &claims(id_token.clone()),
                    Preset::Generic,
                    (&map(Preset::Generic), Uses::default()),
                    std::iter::empty()
                ),
                "{case}"
            );
            let merged = merge(&claims(id_token), claims(userinfo), Preset::Generic);
            assert_eq!(email(&merged).unwrap().as_str(), address, "{case}");
            assert_eq!(Preset::Generic.is_address_vouched("https://idp.test", &merged), is_vouched, "{case}");
        }
        let signed = claims(json!({ "xms_edov": true }));
        let merged = merge(&signed, claims(json!({ "email": "eve@acme.test" })), Preset::EntraId);
        assert!(!Preset::EntraId.is_address_vouched("https://idp.test", &merged), "a yes without its address");
    }

    #[test]
    fn userinfo_is_asked_for_what_the_id_token_does_not_say() {
        let needs = |id_token: Value, preset: Preset, names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            !is_enough(&claims(id_token), preset, (&map(preset), Uses::default()), names.iter())
        };
        let address = json!({ "email": "a@acme.test", "email_verified": false });
        assert!(!needs(address.clone(), Preset::Generic, &[]));
        assert!(needs(address, Preset::Generic, &["team"]));
        assert!(!needs(json!({ "email": "a@acme.test" }), Preset::EntraId, &[]));
        assert!(needs(json!({ "email": "a@acme.test" }), Preset::Generic, &[]));
        assert!(needs(json!({}), Preset::EntraId, &[]));
    }

    /// Okta's ID tokens of the code flow are thin: names and groups are at UserInfo alone.
    #[test]
    fn userinfo_is_asked_for_names_and_groups_where_the_connection_makes_something_of_them() {
        let asks = |more: Value, preset: Preset, uses: Uses| {
            let mut id_token = claims(json!({ "email": "a@acme.test", "email_verified": true }));
            id_token.extend(claims(more));
            !is_enough(&id_token, preset, (&map(preset), uses), std::iter::empty())
        };
        let (nothing, names) = (Uses::default(), Uses { names: true, groups: false });
        let groups = Uses { names: false, groups: true };
        for preset in [Preset::Generic, Preset::Okta, Preset::EntraId, Preset::Google] {
            assert!(!asks(json!({}), preset, nothing) && asks(json!({}), preset, names), "{preset:?}");
            let asks_for_groups = matches!(preset, Preset::Generic | Preset::Okta);
            assert_eq!(asks(json!({}), preset, groups), asks_for_groups, "{preset:?}: who says any at UserInfo");
        }
        assert!(!asks(json!({ "name": "Ada" }), Preset::Okta, names));
        assert!(!asks(json!({ "given_name": "Ada", "family_name": "L" }), Preset::Okta, names));
        assert!(asks(json!({ "given_name": "Ada" }), Preset::Okta, names));
        assert!(!asks(json!({ "groups": [] }), Preset::Okta, groups));
    }

    #[test]
    fn signed_claims_win_over_userinfo() {
        let userinfo = claims(json!({ "name": "Eve", "given_name": "A" }));
        let merged = merge(&claims(json!({ "name": "Ada" })), userinfo, Preset::Generic);
        assert_eq!(
            (text(&merged, "name").as_deref(), text(&merged, "given_name").as_deref()),
            (Some("Ada"), Some("A"))
        );
    }

    #[test]
    fn claims_of_a_wrong_shape_count_as_absent() {
        let odd = claims(json!({
            "email": ["ada@acme.test"], "name": "a\u{1}b", "given_name": "", "family_name": "x".repeat(201),
            "groups": ["ops", 7, "", "dev", "ops"],
        }));
        assert_eq!(email(&odd), None);
        let person = ClaimMap::new(Preset::Generic, &ClaimNames::default()).read(&odd);
        assert_eq!((person.display_name, person.given_name, person.family_name), (None, None, None));
        assert_eq!(person.groups, ["ops", "dev"]);
    }

    #[test]
    fn each_preset_reads_what_its_product_sends() {
        let sent = claims(json!({
            "name": "Grace Hopper", "given_name": "Grace", "family_name": "Hopper", "groups": ["eng"], "roles": ["lead"],
        }));
        let expected = [
            (Preset::Generic, vec!["eng"]),
            (Preset::Okta, vec!["eng"]),
            (Preset::EntraId, vec!["eng", "lead"]),
            (Preset::Google, vec![]),
        ];
        for (preset, groups) in expected {
            let person = ClaimMap::new(preset, &ClaimNames::default()).read(&sent);
            assert_eq!(person.display_name.as_deref(), Some("Grace Hopper"), "{preset:?}");
            assert_eq!((person.given_name.as_deref(), person.family_name.as_deref()), (Some("Grace"), Some("Hopper")));
            assert_eq!(person.groups, groups, "{preset:?}");
        }
    }

    #[test]
    fn a_chosen_name_counts_instead_of_the_presets() {
        let chosen = ClaimNames {
            groups: Some("https://acme.test/teams".to_owned()),
            display_name: Some("nickname".to_owned()),
            ..ClaimNames::default()
        };
        let sent = claims(json!({
            "name": "Grace", "nickname": "Amazing", "groups": ["eng"], "https://acme.test/teams": ["ops"],
        }));
        let person = ClaimMap::new(Preset::Generic, &chosen).read(&sent);
        assert_eq!((person.groups, person.display_name.as_deref()), (vec!["ops".to_owned()], Some("Amazing")));
    }

    #[test]
    fn no_more_groups_are_read_than_the_bound() {
        let many: Vec<String> = (0..=MAX_GROUPS).map(|number| format!("group {number}")).collect();
        let read = ClaimMap::new(Preset::Generic, &ClaimNames::default()).read(&claims(json!({ "groups": many })));
        assert_eq!(read.groups.len(), MAX_GROUPS);
    }
}
