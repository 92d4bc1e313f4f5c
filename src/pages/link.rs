//! The page of the link that asks whether a sign-in was somebody's own. Saying yes is a POST, so that no mail scanner can do
//! it.

use askama::Template;

use super::error::Support;

/// "Was this you?" with one button, and what proves it where the account has something that does.
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
    /// The password of the account is asked for.
    pub asks_password: bool,
    /// A code is asked for as well.
    pub asks_code: bool,
    /// What was wrong with what was typed.
    pub problem: Option<String>,
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
            asks_password: false,
            asks_code: false,
            problem: None,
        }
    }

    /// The same of somebody who has credentials of their own, and has mistyped them.
    pub fn sample_that_asks() -> Self {
        let problem = Some("The password or the code is not right.".to_owned());
        Self { asks_password: true, asks_code: true, problem, ..Self::sample() }
    }
}
