//! An authenticator app is set up: in the middle of a sign-in that needs one, or by somebody who wants one.

use askama::Template;

use super::qr_code::QrCode;

/// The page.
#[derive(Debug, Template)]
#[template(path = "set_up_second_step.html", config = "src/pages/askama.toml")]
pub struct SetUpSecondStepPage {
    /// Where the form goes.
    pub action: String,
    /// What the app is to read.
    pub qr_code: Option<QrCode>,
    /// The same as a person types it.
    pub secret: String,
    /// What the form carries to say which secret it is about. It is sealed.
    pub offer: String,
    /// Of somebody who is signed in: what the form carries to prove that it is of their session. They type their password as
    /// well.
    pub form_token: Option<String>,
    /// Of somebody who has a passkey: what their browser is asked that proves who is there, as JSON, in the place of a password.
    pub options: Option<String>,
    /// What was wrong with what was typed before, as a sentence.
    pub problem: Option<String>,
    /// Where to go instead.
    pub back: String,
}

impl SetUpSecondStepPage {
    /// A page to look at and to test, with a problem.
    pub fn sample() -> Self {
        Self {
            action: "/account/second-step/add".to_owned(),
            qr_code: QrCode::of("otpauth://totp/id.example:ada?secret=GEZDGNBVGY3TQOJQ&issuer=id.example"),
            secret: "GEZD GNBV GY3T QOJQ".to_owned(),
            offer: "AbCd".to_owned(),
            form_token: Some("0123456789abcdef".to_owned()),
            options: None,
            problem: Some("That code is not right.".to_owned()),
            back: "/account/security".to_owned(),
        }
    }
}
