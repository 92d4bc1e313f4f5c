//! The choice between several ways in for an address: the connections of an organization, and a password of one's own.

use askama::Template;

use crate::values::ids::ConnectionId;

/// The page with one button for each connection, and after them a link to the password page.
#[derive(Debug, Template)]
#[template(path = "choose.html", config = "src/pages/askama.toml")]
pub struct ChoosePage {
    /// The name of the application that asked for the sign-in.
    pub application: String,
    /// The name of the organization whose connections these are.
    pub organization: String,
    /// The address that was typed.
    pub address: String,
    /// The ways in, in the order in which they are offered.
    pub ways: Vec<Way>,
    /// The password page of the same attempt, where a password is among the ways.
    pub own_password: Option<String>,
    /// Where the form goes.
    pub action: String,
    /// The e-mail page of the same attempt.
    pub other_address: String,
}

/// One way in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The connection that the button stands for.
    pub connection: ConnectionId,
    /// The connection's name, given by the organization.
    pub name: String,
    /// The host where the person will be asked to sign in, so that the next page is no surprise.
    pub host: String,
}

impl ChoosePage {
    /// A page to look at and to test.
    pub fn sample() -> Self {
        let way = |last: u8, name: &str, host: &str| Way {
            connection: ConnectionId::from_uuid(uuid::Uuid::from_u128(u128::from(last))),
            name: name.to_owned(),
            host: host.to_owned(),
        };
        Self {
            application: "Harbour Planner".to_owned(),
            organization: "Acme".to_owned(),
            address: "ada@acme.example".to_owned(),
            ways: vec![
                way(1, "Employees (Entra ID)", "login.microsoftonline.com"),
                way(2, "Contractors (Okta)", "acme.okta.com"),
            ],
            own_password: None,
            action: "/sign-in/01890a5d-ac96-774b-bcce-b302099a8057/connection".to_owned(),
            other_address: "/sign-in/01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        }
    }

    /// The page of an organization that leaves the choice between its identity provider and a password.
    pub fn sample_with_password() -> Self {
        let mut page = Self::sample();
        page.ways.truncate(1);
        Self { own_password: Some("/sign-in/01890a5d-ac96-774b-bcce-b302099a8057/password".to_owned()), ..page }
    }
}
