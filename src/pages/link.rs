//! The page of the link that asks whether a sign-in was somebody's own. Saying yes is a POST, so that no mail scanner can do
//! it.

use askama::Template;

use super::error::Support;

/// "Was this you?" with one button.
#[derive(Debug, Template)]
#[template(path = "link.html", config = "src/pages/askama.toml")]
pub struct LinkPage {
    /// The address of the account.
    pub address: String,
    /// The connection's name.
    pub connection: String,
    /// The organization, and whom to ask there.
    pub support: Support,
    /// Where the form goes.
    pub action: String,
}

impl LinkPage {
    /// A page to look at and to test.
    pub fn sample() -> Self {
        let support = Support {
            organization: "Acme".to_owned(),
            name: "IT Help Desk".to_owned(),
            email: "help@acme.example".parse().ok(),
        };
        Self {
            address: "ada@acme.example".to_owned(),
            connection: "Acme SSO".to_owned(),
            support,
            action: "/link?token=t".to_owned(),
        }
    }
}
