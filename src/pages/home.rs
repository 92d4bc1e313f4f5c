//! The page at the gateway's own address, for people who type it: who is signed in here, or how to begin.

use askama::Template;

use super::error::Support;

/// The first page.
#[derive(Debug, Template)]
#[template(path = "home.html", config = "src/pages/askama.toml")]
pub struct HomePage {
    /// Who is signed in in this browser.
    pub person: Option<Person>,
}

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their name, or their address if they have none.
    pub name: String,
    /// Their organization, and whom to ask there (rule B7).
    pub support: Support,
    /// The page on which they sign out.
    pub sign_out: String,
    /// The page on which they look after how they sign in, where this session reaches that.
    pub security: Option<String>,
    /// The page that shows where they are signed in.
    pub sessions: String,
}

impl HomePage {
    /// A page to look at and to test.
    pub fn sample() -> Self {
        let support = Support {
            organization: "Acme".to_owned(),
            name: "IT Help Desk".to_owned(),
            email: "help@acme.example".parse().ok(),
        };
        Self {
            person: Some(Person {
                name: "Ada Lovelace".to_owned(),
                support,
                sign_out: "/sign-out".to_owned(),
                security: Some("/account/security".to_owned()),
                sessions: "/account/sessions".to_owned(),
            }),
        }
    }
}
