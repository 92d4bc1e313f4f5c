//! The paths of the account pages.

/// How the person signs in.
pub const SECURITY: &str = "/account/security";
/// Where the form for another password goes.
pub const PASSWORD: &str = "/account/password";
/// The person's second step.
pub const SECOND_STEP: &str = "/account/second-step";
/// Where the form goes that sets it up.
pub const ADD_SECOND_STEP: &str = "/account/second-step/add";
/// Where the form for other recovery codes goes.
pub const RENEW_CODES: &str = "/account/second-step/codes";
/// Where the form goes that removes it.
pub const REMOVE_SECOND_STEP: &str = "/account/second-step/remove";
/// The person's passkeys.
pub const PASSKEYS: &str = "/account/passkeys";
/// Where the form goes that asks for another one.
pub const ADD_PASSKEY: &str = "/account/passkeys/add";
/// Where what the browser answers goes.
pub const CREATE_PASSKEY: &str = "/account/passkeys/create";
/// Where the form goes that gives one another name.
pub const RENAME_PASSKEY: &str = "/account/passkeys/rename";
/// Where the form goes that removes one.
pub const REMOVE_PASSKEY: &str = "/account/passkeys/remove";
/// Where a link to confirm the address is asked for.
pub const ASK_ADDRESS: &str = "/account/address/ask";
/// Where the person is signed in.
pub const SESSIONS: &str = "/account/sessions";
/// Where the form that ends one session goes.
pub const END_SESSION: &str = "/account/sessions/end";
/// Where the form that ends all others goes.
pub const END_OTHER_SESSIONS: &str = "/account/sessions/end-others";

/// What the link to confirm an address leads to, and where the form of that page goes.
pub fn address(token: &str) -> String {
    format!("/account/address?token={token}")
}
