//! Confirming an address by mail: the mail is on its way, the link asks, it is done.

use askama::Template;

/// The pages of that story.
#[derive(Debug, Template)]
#[template(path = "confirm_address.html", config = "src/pages/askama.toml")]
pub enum ConfirmAddressPage {
    /// The mail is on its way.
    Sent {
        /// The address.
        address: String,
        /// The page it was asked for on.
        back: String,
    },
    /// The link was followed: one button.
    Ask {
        /// The address.
        address: String,
        /// Where the form goes.
        action: String,
        /// What shows that the form is this browser's own.
        form_token: String,
    },
    /// The link was followed in a browser in which nobody, or somebody else, is signed in.
    SignInFirst {
        /// The address.
        address: String,
    },
    /// The address is confirmed.
    Done {
        /// The address.
        address: String,
    },
}

impl ConfirmAddressPage {
    /// A page to look at and to test.
    pub fn sample() -> Self {
        Self::Ask {
            address: "ada@freelance.example".to_owned(),
            action: "/account/address?token=t".to_owned(),
            form_token: "f".to_owned(),
        }
    }

    const fn title(&self) -> &'static str {
        match self {
            Self::Sent { .. } => "Look into your mailbox",
            Self::Ask { .. } => "Is this your address?",
            Self::SignInFirst { .. } => "Sign in to confirm your address",
            Self::Done { .. } => "Your address is confirmed",
        }
    }
}
