//! The way to an organization's sign-in with a message about signing out, where it takes forms alone.

use askama::Template;

/// One button.
#[derive(Debug, Template)]
#[template(path = "saml_message.html", config = "src/pages/askama.toml")]
pub struct SamlMessagePage {
    /// Where the form goes.
    pub action: String,
    /// The name of the field with the message.
    pub field: &'static str,
    /// The message, in base64.
    pub message: String,
    /// What the other side brings back, or had sent along.
    pub relay_state: Option<String>,
}

impl SamlMessagePage {
    /// A page to look at and to test.
    pub fn sample() -> Self {
        Self {
            action: "https://idp.test/slo".to_owned(),
            field: "SAMLRequest",
            message: "PHIvPg==".to_owned(),
            relay_state: Some("h4ndle".to_owned()),
        }
    }
}
