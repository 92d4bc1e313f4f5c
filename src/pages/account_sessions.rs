//! Where a person is signed in.

use askama::Template;

use crate::values::clock::Timestamp;
use crate::values::ids::SessionId;

/// The page, with one button for each session.
#[derive(Debug, Template)]
#[template(path = "account_sessions.html", config = "src/pages/askama.toml")]
pub struct AccountSessionsPage {
    /// What the forms carry to prove that they are of this session.
    pub form_token: String,
    /// The organization whose guest the person is here, where only sessions on its behalf are shown.
    pub guest_of: Option<String>,
    /// The sessions, the newest first.
    pub places: Vec<Place>,
    /// Where the form that ends one goes.
    pub end_one: String,
    /// Where the form that ends all others goes.
    pub end_others: String,
    /// Where this one is ended.
    pub sign_out: String,
    /// How the person signs in, where this session reaches that.
    pub security: Option<String>,
}

/// One session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its id, which the form names.
    pub session: SessionId,
    /// The organization.
    pub organization: String,
    /// By what the person signed in.
    pub way: String,
    /// Since when.
    pub since: Timestamp,
    /// When it was used last.
    pub last_seen_at: Timestamp,
    /// It is the one in hand.
    pub is_this: bool,
}

impl Place {
    fn since_in_words(&self) -> String {
        in_words(self.since)
    }

    fn last_seen_in_words(&self) -> String {
        in_words(self.last_seen_at)
    }
}

fn in_words(at: Timestamp) -> String {
    at.to_chrono().format("%-d %b %Y, %H:%M UTC").to_string()
}

impl AccountSessionsPage {
    /// A page to look at and to test.
    pub fn sample() -> Self {
        let place = |last: u8, way: &str| Place {
            session: SessionId::from_uuid(uuid::Uuid::from_u128(u128::from(last))),
            organization: "Acme".to_owned(),
            way: way.to_owned(),
            since: Timestamp::from_seconds(1_795_288_500),
            last_seen_at: Timestamp::from_seconds(1_795_292_100),
            is_this: last == 1,
        };
        Self {
            form_token: "0123456789abcdef".to_owned(),
            guest_of: None,
            places: vec![place(1, "your password"), place(2, "Acme SSO")],
            end_one: "/account/sessions/end".to_owned(),
            end_others: "/account/sessions/end-others".to_owned(),
            sign_out: "/sign-out".to_owned(),
            security: Some("/account/security".to_owned()),
        }
    }
}
