//! The second step of a sign-in: a code of the person's authenticator app, or one of their recovery codes.

use askama::Template;

/// The page.
#[derive(Debug, Template)]
#[template(path = "second_step.html", config = "src/pages/askama.toml")]
pub struct SecondStepPage {
    /// The name of the application that asked for the sign-in.
    pub application: String,
    /// Where the form goes.
    pub action: String,
    /// What was wrong with what was typed before, as a sentence.
    pub problem: Option<String>,
    /// The e-mail page of the same attempt.
    pub start_over: String,
    /// They have an authenticator app.
    pub has_app: bool,
    /// Where a passkey is asked for, where there can be any.
    pub passkey: Option<String>,
}

impl SecondStepPage {
    /// A page to look at and to test, with a problem.
    pub fn sample() -> Self {
        Self {
            has_app: true,
            passkey: Some("/sign-in/01890a5d-ac96-774b-bcce-b302099a8057/second-step/passkey".to_owned()),
            application: "Harbour Planner".to_owned(),
            action: "/sign-in/01890a5d-ac96-774b-bcce-b302099a8057/second-step".to_owned(),
            problem: Some("That code is not right, or was used before.".to_owned()),
            start_over: "/sign-in/01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        }
    }
}
