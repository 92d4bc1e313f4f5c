//! What the demo tells: `demo.json` for scripts, and a few lines for people.

use std::time::Duration;

use anyhow::bail;
use serde_json::{Value, json};

use super::people;
use super::places::Places;
use crate::cli::output;
use crate::values::ids::{ConnectionId, OrganizationId};

/// Everything that was made for the demo.
#[allow(missing_docs)] // the names are those of demo.json
pub struct Manifest {
    pub operator_token: String,
    pub organization: OrganizationId,
    pub data_center: String,
    pub admin_token: String,
    pub scim_base: String,
    pub scim_token: String,
    pub saml_connection: ConnectionId,
    pub acs_url: String,
    pub sp_metadata_url: String,
    pub idp_metadata_url: String,
    pub idp_entity_id: String,
    pub oidc_connection: ConnectionId,
    pub callback_url: String,
    pub idp_client_id: String,
    pub idp_client_secret: String,
    pub client_id: String,
    pub client_secret: String,
    pub redirect_uris: Vec<String>,
}

impl Manifest {
    /// Tells the identity providers and the app of the gateway.
    pub async fn introduce(&self, client: &reqwest::Client, places: &Places) -> anyhow::Result<()> {
        let service_provider = json!({ "url": self.sp_metadata_url });
        tell(client, &format!("{}/admin/service-providers", places.saml_idp_url()), service_provider).await?;
        let relying_party = json!({
            "client_id": self.idp_client_id,
            "client_secret": self.idp_client_secret,
            "redirect_uris": [self.callback_url],
        });
        tell(client, &format!("{}/admin/clients", places.openid_provider_url()), relying_party).await?;
        let app = json!({
            "issuer": places.gateway_url(),
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "scope": "openid profile email offline_access",
        });
        tell(client, &format!("{}/admin/client", places.sample_app_url()), app).await
    }

    /// Writes `demo.json`. Scripts rely on its form.
    pub fn write(&self, places: &Places) -> std::io::Result<()> {
        let text = json!({
            "dcs": { (self.data_center.clone()): {
                "url": places.gateway_url(), "operator_token": self.operator_token,
            } },
            "orgs": { "acme": {
                "id": self.organization,
                "slug": "acme",
                "dc": self.data_center,
                "admin_token": self.admin_token,
                "scim": { "base": self.scim_base, "token": self.scim_token },
                "connections": {
                    "saml": {
                        "id": self.saml_connection,
                        "acs_url": self.acs_url,
                        "sp_metadata_url": self.sp_metadata_url,
                        "idp_metadata_url": self.idp_metadata_url,
                        "idp_entity_id": self.idp_entity_id,
                    },
                    "oidc": {
                        "id": self.oidc_connection,
                        "callback_url": self.callback_url,
                        "issuer": places.openid_provider_url(),
                    },
                },
            } },
            "apps": { "sample": {
                "url": places.sample_app_url(),
                "client_id": self.client_id,
                "client_secret": self.client_secret,
                "redirect_uris": self.redirect_uris,
            } },
            "people": people::listed(),
            "dns": places.dns(),
            "mail": places.mail(),
            "log": places.log("gateway"),
        });
        // Whoever waits for the file finds it whole.
        let unfinished = places.data("demo.json");
        std::fs::write(&unfinished, format!("{text:#}\n"))?;
        std::fs::rename(unfinished, places.manifest())
    }

    /// Says what to open and what to type.
    pub fn print(&self, places: &Places, took: Duration) {
        let first = people::listed();
        let person = |at: usize, key: &str| {
            first.get(at).and_then(|one| one.get(key)).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        output::progress(format_args!(
            "\nready after {:.1} seconds\n\n  \
             Open      {}  and choose \"Sign in\"\n  \
             Type      {}  then choose \"Acme SAML\"\n  \
             or        {}  then choose \"Acme OpenID\"\n  \
             Password  {}\n\n  \
             Gateway   {}\n  \
             Admin API curl -H \"Authorization: Bearer {}\" {}/api/v1/orgs/acme\n  \
             SCIM      {}   (the token is in demo.json)\n  \
             Mail      {}\n  \
             Logs      {}\n  \
             Scripts   {}\n\nCtrl-C ends all of it.",
            took.as_secs_f64(),
            places.sample_app_url(),
            person(0, "email"),
            person(1, "email"),
            people::PASSWORD,
            places.gateway_url(),
            self.admin_token,
            places.gateway_url(),
            self.scim_base,
            places.mail().display(),
            places.folder().join("log").display(),
            places.manifest().display(),
        ));
    }
}

async fn tell(client: &reqwest::Client, url: &str, body: Value) -> anyhow::Result<()> {
    let answer = client.post(url).json(&body).send().await?;
    if !answer.status().is_success() {
        bail!("{url} answered {}", answer.status());
    }
    Ok(())
}
