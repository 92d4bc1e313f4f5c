//! The paths of the account pages.

/// How the person signs in.
pub const SECURITY: &str = "/account/security";
/// Where the form for another password goes.
pub const PASSWORD: &str = "/account/password";
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
