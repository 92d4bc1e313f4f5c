//! A browser is asked to make a passkey: that of somebody who is signed in, or who needs one to sign in.

use askama::Template;

/// The page.
#[derive(Debug, Template)]
#[template(path = "create_passkey.html", config = "src/pages/askama.toml")]
pub struct CreatePasskeyPage {
    /// Of somebody who is signed in: what the form carries to prove that it is of their session.
    pub form_token: Option<String>,
    /// What the browser is asked, as JSON.
    pub options: String,
    /// Where the answer goes.
    pub action: String,
    /// Where to go instead.
    pub back: String,
}

impl CreatePasskeyPage {
    /// A page to look at and to test.
    pub fn sample() -> Self {
        Self {
            form_token: Some("0123456789abcdef".to_owned()),
            options: "{\"publicKey\":{\"challenge\":\"AbCd\"}}".to_owned(),
            action: "/account/passkeys/create".to_owned(),
            back: "/account/passkeys".to_owned(),
        }
    }
}
