//! The page for everything that stops a sign-in: what happened, what to do next, whom to ask, and a reference that
//! leads an administrator to the log lines and the audit entry.

use askama::Template;

use crate::values::clock::Timestamp;
use crate::values::email::EmailAddress;
use crate::values::ids::RequestId;

/// An error in plain words.
#[derive(Debug, Template)]
#[template(path = "error.html", config = "src/pages/askama.toml")]
pub struct ErrorPage {
    /// What happened, in a few words.
    pub title: String,
    /// What happened, in a sentence or two.
    pub text: String,
    /// What the person can do.
    pub advice: Option<String>,
    /// The one button of the page.
    pub next: Next,
    /// Whom to ask.
    pub support: Option<Support>,
    /// The id of the request that failed.
    pub request: RequestId,
    /// When it failed.
    pub at: Timestamp,
}

/// Where the person can go from an error page. Never a URL that came with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// A fresh attempt for the same application.
    StartAgain {
        /// Where the form goes.
        action: String,
    },
    /// Back to the e-mail page of the same attempt.
    OtherAddress {
        /// The path of that page.
        path: String,
    },
    /// On to where this address leads, as if it had just been typed.
    IdentityProvider {
        /// Where the form of the e-mail page goes.
        action: String,
        /// The address.
        address: String,
    },
    /// Nothing can be done from here.
    Nothing,
}

/// The people who can help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Support {
    /// The organization.
    pub organization: String,
    /// What its help desk is called.
    pub name: String,
    /// Their address, where the organization has given one.
    pub email: Option<EmailAddress>,
}

impl ErrorPage {
    /// The instant in words: `21 Nov 2026, 19:15:00 UTC`.
    fn time_in_words(&self) -> String {
        self.at.to_chrono().format("%-d %b %Y, %H:%M:%S UTC").to_string()
    }

    /// A page to look at and to test.
    pub fn sample() -> Self {
        Self {
            title: "Your access has been switched off".to_owned(),
            text: "Acme has switched off your account, so you cannot sign in to Harbour Planner.".to_owned(),
            advice: Some("If this is a mistake, the people below can switch it on again.".to_owned()),
            next: Next::StartAgain { action: "/sign-in/01890a5d-ac96-774b-bcce-b302099a8057/restart".to_owned() },
            support: Some(Support {
                organization: "Acme".to_owned(),
                name: "IT Help Desk".to_owned(),
                email: "help@acme.example".parse().ok(),
            }),
            request: RequestId::from_uuid(uuid::Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057)),
            at: Timestamp::from_seconds(1_795_288_500),
        }
    }
}
