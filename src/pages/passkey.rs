//! A sign-in by a passkey: the browser is asked for one, or what it answered let nobody in.

use askama::Template;

/// The page.
#[derive(Debug, Template)]
#[template(path = "passkey.html", config = "src/pages/askama.toml")]
pub struct PasskeyPage {
    /// The name of the application that asked for the sign-in.
    pub application: String,
    /// What the browser is asked, as JSON; none after an answer that let nobody in.
    pub options: Option<String>,
    /// Where the answer goes.
    pub action: String,
    /// Where another question is asked for.
    pub again: String,
    /// The page with the other ways in.
    pub other_way: String,
}

impl PasskeyPage {
    /// A page to look at and to test, which asks.
    pub fn sample() -> Self {
        let attempt = "/sign-in/01890a5d-ac96-774b-bcce-b302099a8057";
        Self {
            application: "Harbour Planner".to_owned(),
            options: Some("{\"publicKey\":{\"challenge\":\"AbCd\"}}".to_owned()),
            action: format!("{attempt}/passkey/answer"),
            again: format!("{attempt}/passkey"),
            other_way: attempt.to_owned(),
        }
    }
}
