//! "Sign in to ...": the e-mail address first, since it decides where a person signs in.

use askama::Template;

/// The first page of a sign-in.
#[derive(Debug, Template)]
#[template(path = "email.html", config = "src/pages/askama.toml")]
pub struct EmailPage {
    /// The name of the application that asked for the sign-in.
    pub application: String,
    /// Where the form goes.
    pub action: String,
    /// What stands in the field: what was typed before, or nothing.
    pub address: String,
    /// What was wrong with what was typed before, as a sentence.
    pub problem: Option<String>,
    /// Where people go who want to sign in with a password, whatever their address leads to.
    pub own_credentials: String,
    /// Where a passkey is asked for, where there can be any.
    pub passkey: Option<String>,
}

impl EmailPage {
    /// A page to look at and to test, with a problem, so that every branch is drawn.
    pub fn sample() -> Self {
        Self {
            passkey: Some("/sign-in/01890a5d-ac96-774b-bcce-b302099a8057/passkey".to_owned()),
            application: "Harbour Planner".to_owned(),
            action: "/sign-in/01890a5d-ac96-774b-bcce-b302099a8057/email".to_owned(),
            address: "ada.lovelace@acme".to_owned(),
            problem: Some("Enter a whole e-mail address, such as ada@example.com.".to_owned()),
            own_credentials: "/sign-in/01890a5d-ac96-774b-bcce-b302099a8057/own".to_owned(),
        }
    }
}
