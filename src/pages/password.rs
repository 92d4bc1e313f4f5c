//! The person's own password, for an address for which a password is a way in.

use askama::Template;

/// The second page of a sign-in.
#[derive(Debug, Template)]
#[template(path = "password.html", config = "src/pages/askama.toml")]
pub struct PasswordPage {
    /// The name of the application that asked for the sign-in.
    pub application: String,
    /// Where the form goes.
    pub action: String,
    /// The address that was typed.
    pub address: String,
    /// What was wrong with what was typed before, as a sentence.
    pub problem: Option<String>,
    /// The e-mail page of the same attempt.
    pub other_address: String,
    /// Where a link to choose another password is asked for.
    pub forgotten: String,
    /// Where a passkey is asked for, where there can be any.
    pub passkey: Option<String>,
}

impl PasswordPage {
    /// A page to look at and to test, with a problem, so that every branch is drawn.
    pub fn sample() -> Self {
        Self {
            passkey: Some("/sign-in/01890a5d-ac96-774b-bcce-b302099a8057/passkey".to_owned()),
            application: "Harbour Planner".to_owned(),
            action: "/sign-in/01890a5d-ac96-774b-bcce-b302099a8057/password".to_owned(),
            address: "ada@freelance.example".to_owned(),
            problem: Some("The e-mail address or the password is not right.".to_owned()),
            other_address: "/sign-in/01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
            forgotten: "/password/forgotten".to_owned(),
        }
    }
}
