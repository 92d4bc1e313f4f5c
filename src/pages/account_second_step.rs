//! The second step of somebody who has one: what is left of their recovery codes, other ones, and its end.

use askama::Template;

use crate::values::clock::Timestamp;

/// The page.
#[derive(Debug, Template)]
#[template(path = "account_second_step.html", config = "src/pages/askama.toml")]
pub struct AccountSecondStepPage {
    /// What the forms carry to prove that they are of this session.
    pub form_token: String,
    /// Since when there is an app.
    pub since: Timestamp,
    /// How many recovery codes are left.
    pub codes_left: i64,
    /// What the browser is asked that proves by a passkey who is there, as JSON, of somebody who has one.
    pub options: Option<String>,
    /// What was wrong with what was typed, as a sentence.
    pub problem: Option<String>,
    /// Where the form for other recovery codes goes.
    pub renew_codes: String,
    /// Where the form goes that removes all of it.
    pub remove: String,
    /// How the person signs in.
    pub security: String,
}

impl AccountSecondStepPage {
    /// A page to look at and to test, with a problem.
    pub fn sample() -> Self {
        Self {
            form_token: "0123456789abcdef".to_owned(),
            since: Timestamp::from_seconds(1_795_288_500),
            codes_left: 7,
            options: Some("{\"publicKey\":{\"challenge\":\"AbCd\"}}".to_owned()),
            problem: Some("That code is not right, or was used before.".to_owned()),
            renew_codes: "/account/second-step/codes".to_owned(),
            remove: "/account/second-step/remove".to_owned(),
            security: "/account/security".to_owned(),
        }
    }
}
