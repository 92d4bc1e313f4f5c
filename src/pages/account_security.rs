//! How a person signs in, and what they can change about it.

use askama::Template;

use crate::values::clock::Timestamp;

/// The page.
#[derive(Debug, Template)]
#[template(path = "account_security.html", config = "src/pages/askama.toml")]
pub struct AccountSecurityPage {
    /// What the forms carry to prove that they are of this session.
    pub form_token: String,
    /// The person's address.
    pub address: Option<Address>,
    /// Where a link to confirm it is asked for.
    pub ask_address: String,
    /// Their password.
    pub password: OwnPassword,
    /// Where the form for another one goes.
    pub change: String,
    /// What was wrong with another one, as a sentence.
    pub problem: Option<String>,
    /// Their second step, if they can have one.
    pub second_step: Option<SecondStep>,
    /// Their passkeys, if they can have any.
    pub passkeys: Option<Passkeys>,
    /// Where the person is signed in.
    pub sessions: String,
}

/// The second step of the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondStep {
    /// Since when there is one, if so.
    pub since: Option<Timestamp>,
    /// Where it is set up or changed.
    pub path: String,
}

/// The passkeys of the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkeys {
    /// How many there are.
    pub count: usize,
    /// Where they are added or changed.
    pub path: String,
}

/// An address of the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub text: String,
    /// They have shown that it is theirs.
    pub is_confirmed: bool,
}

/// The password of the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnPassword {
    /// An organization signs them in, so that they have none.
    OfOrganization(String),
    /// They may have one and have none. It is chosen by a link that goes to a confirmed address only, and theirs is not.
    NeedsConfirmedAddress,
    /// They may have one and have none.
    None {
        /// Where a link is asked for.
        ask: String,
    },
    /// They have one since then.
    SetAt(Timestamp),
}

impl AccountSecurityPage {
    fn has_passkeys(&self) -> bool {
        self.passkeys.as_ref().is_some_and(|passkeys| passkeys.count > 0)
    }

    /// A page to look at and to test, with a problem.
    pub fn sample() -> Self {
        Self {
            form_token: "0123456789abcdef".to_owned(),
            address: Some(Address { text: "ada@freelance.example".to_owned(), is_confirmed: false }),
            ask_address: "/account/address/ask".to_owned(),
            password: OwnPassword::SetAt(Timestamp::from_seconds(1_795_288_500)),
            change: "/account/password".to_owned(),
            problem: Some("Use 8 characters or more.".to_owned()),
            second_step: Some(SecondStep { since: None, path: "/account/second-step".to_owned() }),
            passkeys: Some(Passkeys { count: 0, path: "/account/passkeys".to_owned() }),
            sessions: "/account/sessions".to_owned(),
        }
    }
}
