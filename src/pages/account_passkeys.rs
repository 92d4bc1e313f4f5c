//! The passkeys of a person, and what they can change about them.

use askama::Template;

use crate::values::clock::Timestamp;
use crate::values::ids::PasskeyId;

/// The page.
#[derive(Debug, Template)]
#[template(path = "account_passkeys.html", config = "src/pages/askama.toml")]
pub struct AccountPasskeysPage {
    /// What the forms carry to prove that they are of this session.
    pub form_token: String,
    /// Their passkeys, the oldest first.
    pub passkeys: Vec<Passkey>,
    /// They have room for another one.
    pub may_add: bool,
    /// They have an authenticator app as well.
    pub has_app: bool,
    /// How many recovery codes are left; none where there is no second factor yet, so that no code is asked for.
    pub codes_left: Option<i64>,
    /// What the browser is asked that proves by a passkey who is there, as JSON.
    pub options: Option<String>,
    /// The name that was typed before.
    pub typed_name: String,
    /// What was wrong, as a sentence.
    pub problem: Option<String>,
    /// Where the form goes that asks for a passkey.
    pub add: String,
    /// Where the form goes that gives one another name.
    pub rename: String,
    /// Where the form goes that removes one.
    pub remove: String,
    /// Where the form for other recovery codes goes.
    pub renew_codes: String,
    /// How the person signs in.
    pub security: String,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// Its id.
    pub id: PasskeyId,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub since: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

impl AccountPasskeysPage {
    /// A page to look at and to test, with a problem.
    pub fn sample() -> Self {
        let at = Timestamp::from_seconds(1_795_288_500);
        let passkey = |last: u8, name: &str, last_used_at| Passkey {
            id: PasskeyId::from_uuid(uuid::Uuid::from_u128(u128::from(last))),
            name: name.to_owned(),
            since: at,
            last_used_at,
        };
        Self {
            form_token: "0123456789abcdef".to_owned(),
            passkeys: vec![passkey(1, "My phone", Some(at)), passkey(2, "Blue security key", None)],
            may_add: true,
            has_app: false,
            codes_left: Some(10),
            options: Some("{\"publicKey\":{\"challenge\":\"AbCd\"}}".to_owned()),
            typed_name: String::new(),
            problem: Some("That passkey is not one of yours.".to_owned()),
            add: "/account/passkeys/add".to_owned(),
            rename: "/account/passkeys/rename".to_owned(),
            remove: "/account/passkeys/remove".to_owned(),
            renew_codes: "/account/second-step/codes".to_owned(),
            security: "/account/security".to_owned(),
        }
    }
}
