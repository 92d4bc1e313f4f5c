//! The people of the demo, and how they get into the gateway: pushed by a SCIM client, as an identity provider would.

use std::fs;

use serde_json::{Value, json};

use super::manifest::Manifest;
use super::part;
use super::places::Places;

/// The password of all of them, at both identity providers.
pub const PASSWORD: &str = "correct horse battery";

/// (address, given name, family name, the identity provider to choose)
const PEOPLE: &[(&str, &str, &str, &str)] = &[
    ("ada@acme.test", "Ada", "Lovelace", "saml"),
    ("grace@acme.test", "Grace", "Hopper", "oidc"),
    ("alan@acme.test", "Alan", "Turing", "saml"),
    ("katherine@acme.test", "Katherine", "Johnson", "oidc"),
    ("edsger@acme.test", "Edsger", "Dijkstra", "saml"),
];

/// Everybody as the identity providers and the SCIM client take them.
pub fn all() -> Value {
    PEOPLE
        .iter()
        .map(|(email, given, family, _)| {
            json!({
                "email": email, "password": PASSWORD, "name": format!("{given} {family}"), "given_name": given,
                "family_name": family, "email_verified": true, "groups": ["Engineering"],
            })
        })
        .collect()
}

/// Everybody as `demo.json` lists them.
pub fn listed() -> Value {
    PEOPLE
        .iter()
        .map(|(email, _, _, idp)| json!({ "email": email, "password": PASSWORD, "org": "acme", "idp": idp }))
        .collect()
}

/// Pushes everybody, and two groups.
pub async fn push(places: &Places, manifest: &Manifest) -> anyhow::Result<()> {
    let emails: Vec<&str> = PEOPLE.iter().map(|(email, ..)| *email).collect();
    let groups = json!([
        { "name": "Engineering", "members": emails },
        { "name": "Leads", "members": emails.iter().take(2).collect::<Vec<_>>() },
    ]);
    fs::write(places.data("people.json"), all().to_string())?;
    fs::write(places.data("groups.json"), groups.to_string())?;
    let mut command = places.scim_client();
    command.args(["--base", &manifest.scim_base, "--token", &manifest.scim_token, "push", "--people"]);
    command.arg(places.data("people.json")).arg("--groups").arg(places.data("groups.json"));
    part::run(command).await
}
