//! Address and password at once, for whoever signs in with a password although their address leads to an identity provider. The
//! page is the same for everybody.

use askama::Template;

/// The page.
#[derive(Debug, Template)]
#[template(path = "own_credentials.html", config = "src/pages/askama.toml")]
pub struct OwnCredentialsPage {
    /// The name of the application that asked for the sign-in.
    pub application: String,
    /// Where the form goes.
    pub action: String,
    /// The address that was typed, if any.
    pub address: String,
    /// What was wrong with what was typed before, as a sentence.
    pub problem: Option<String>,
    /// The e-mail page of the same attempt.
    pub back: String,
    /// Where a link to choose another password is asked for.
    pub forgotten: String,
    /// Where a passkey is asked for, where there can be any.
    pub passkey: Option<String>,
}

impl OwnCredentialsPage {
    /// A page to look at and to test, with a problem.
    pub fn sample() -> Self {
        Self {
            passkey: Some("/sign-in/01890a5d-ac96-774b-bcce-b302099a8057/passkey".to_owned()),
            application: "Harbour Planner".to_owned(),
            action: "/sign-in/01890a5d-ac96-774b-bcce-b302099a8057/own".to_owned(),
            address: "ada@acme.example".to_owned(),
            problem: Some("The e-mail address or the password is not right.".to_owned()),
            forgotten: "/password/forgotten".to_owned(),
            back: "/sign-in/01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        }
    }
}
