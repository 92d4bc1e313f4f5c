//! What a person sees after joining.

use askama::Template;

use super::error::Support;

/// "You have joined".
#[derive(Debug, Template)]
#[template(path = "activated.html", config = "src/pages/askama.toml")]
pub struct ActivatedPage {
    /// The organization, and whom to ask there.
    pub support: Support,
    /// Whether they may sign in now.
    pub may_sign_in: bool,
    /// Where they choose a password, if they are to have one.
    pub choose: Option<String>,
}

impl ActivatedPage {
    /// A page to look at and to test.
    pub fn sample() -> Self {
        let support = Support {
            organization: "Acme".to_owned(),
            name: "IT Help Desk".to_owned(),
            email: "help@acme.example".parse().ok(),
        };
        Self { support, may_sign_in: true, choose: Some("/password/choose?token=t".to_owned()) }
    }
}
