//! The paths of the sign-in pages, made from types.

use url::form_urlencoded::byte_serialize;

use crate::values::ids::AttemptId;
use crate::values::secret::Secret;

/// The e-mail page.
pub fn email(attempt: AttemptId) -> String {
    format!("/sign-in/{attempt}")
}

/// Where the e-mail form goes.
pub fn submit_email(attempt: AttemptId) -> String {
    format!("/sign-in/{attempt}/email")
}

/// The password page, and where its form goes.
pub fn password(attempt: AttemptId) -> String {
    format!("/sign-in/{attempt}/password")
}

/// The page on which address and password are typed at once, and where its form goes.
pub fn own_credentials(attempt: AttemptId) -> String {
    format!("/sign-in/{attempt}/own")
}

/// The page that asks for more than a password, and where its form goes.
pub fn second_step(attempt: AttemptId) -> String {
    format!("/sign-in/{attempt}/second-step")
}

/// Where a passkey is asked for, to sign in by it alone.
pub fn passkey(attempt: AttemptId) -> String {
    format!("/sign-in/{attempt}/passkey")
}

/// Where what the browser answers goes.
pub fn passkey_answer(attempt: AttemptId) -> String {
    format!("/sign-in/{attempt}/passkey/answer")
}

/// Where a passkey is asked for after a password.
pub fn second_passkey(attempt: AttemptId) -> String {
    format!("/sign-in/{attempt}/second-step/passkey")
}

/// Where what the browser answers to that goes.
pub fn second_passkey_answer(attempt: AttemptId) -> String {
    format!("/sign-in/{attempt}/second-step/passkey/answer")
}

/// Where the form goes by which a second factor is set up in a sign-in.
pub fn set_up_second_step(attempt: AttemptId) -> String {
    format!("/sign-in/{attempt}/second-step/set-up")
}

/// Where a browser is asked to make a passkey instead.
pub fn set_up_passkey(attempt: AttemptId) -> String {
    format!("/sign-in/{attempt}/second-step/set-up/passkey")
}

/// Where what it has made goes.
pub fn set_up_passkey_answer(attempt: AttemptId) -> String {
    format!("/sign-in/{attempt}/second-step/set-up/passkey/answer")
}

/// What the link to choose a password leads to, and where the form of that page goes.
pub fn new_password(token: &str) -> String {
    format!("/password/choose?{TOKEN}={token}")
}

/// Where a link to choose a password is asked for.
pub const FORGOTTEN: &str = "/password/forgotten";

/// Where the choice goes.
pub fn submit_choice(attempt: AttemptId) -> String {
    format!("/sign-in/{attempt}/connection")
}

/// Where somebody goes who is signed in and has to prove more at their identity provider.
pub fn step_up(attempt: AttemptId) -> String {
    format!("/sign-in/{attempt}/step-up")
}

/// Where a browser goes that has brought the answer of an identity provider.
pub fn arrival(attempt: AttemptId, arrival: &Secret) -> String {
    format!("{}?{ARRIVAL}={}", outcome(attempt), arrival.expose())
}

/// The query parameter with the arrival token, which is URL-safe.
pub const ARRIVAL: &str = "answer";

/// The page after the identity provider, without an answer in hand.
pub fn outcome(attempt: AttemptId) -> String {
    format!("/sign-in/{attempt}/continue")
}

/// Where a fresh attempt is asked for.
pub fn restart(attempt: AttemptId) -> String {
    format!("/sign-in/{attempt}/restart")
}

/// What the link of an activation mail leads to, and where the form of that page goes.
pub fn activation(token: &str) -> String {
    format!("/activation?{TOKEN}={token}")
}

/// What the link of a mail leads to that asks whether a sign-in was somebody's own, and where the form of that page goes.
pub fn link(token: &str) -> String {
    format!("/link?{TOKEN}={token}")
}

/// The query parameter with the token of such a link, or of an activation, which is URL-safe.
pub const TOKEN: &str = "token";

/// Where a person signs out.
pub const SIGN_OUT: &str = "/sign-out";

/// Where a browser goes whose provider has answered that somebody is signed out there as well.
pub fn signed_out(handle: &Secret) -> String {
    let handle: String = byte_serialize(handle.expose().as_bytes()).collect();
    format!("{SIGNED_OUT}?{ARRIVAL}={handle}")
}

/// The page after a sign-out that led to a provider.
pub const SIGNED_OUT: &str = "/sign-out/done";
