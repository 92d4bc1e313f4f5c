//! A second factor is set up: an authenticator app by somebody who wants one, and in the middle of a sign-in that needs one an app
//! or a passkey.

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
    /// The other way, in a sign-in.
    pub passkey: Option<NewPasskey>,
    /// What was wrong with what was typed before, as a sentence.
    pub problem: Option<String>,
    /// Where to go instead.
    pub back: String,
}

/// How a passkey is made instead of an app.
#[derive(Debug)]
pub struct NewPasskey {
    /// Where its form goes.
    pub action: String,
    /// The name that was typed before.
    pub typed_name: String,
    /// What was wrong with that, or with the passkey, as a sentence.
    pub problem: Option<String>,
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
            passkey: None,
            problem: Some("That code is not right.".to_owned()),
            back: "/account/security".to_owned(),
        }
    }

    /// The same in the middle of a sign-in.
    pub fn sample_in_a_sign_in() -> Self {
        let action = "/sign-in/0198c0de-0000-7000-8000-000000000000/second-step/set-up/passkey".to_owned();
        let problem = Some("Give the passkey a name of up to 60 characters.".to_owned());
        let passkey = Some(NewPasskey { action, typed_name: String::new(), problem });
        Self { form_token: None, problem: None, passkey, ..Self::sample() }
    }
}
