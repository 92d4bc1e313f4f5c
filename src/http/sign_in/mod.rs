//! The pages on which a person signs in and out.
//!
//! | Route | |
//! | --- | --- |
//! | `GET /` | who is signed in here, or how to begin |
//! | `GET /sign-in/{attempt}` | the e-mail page |
//! | `POST /sign-in/{attempt}/email` | the address; on to the identity provider, to the choice, or to the password |
//! | `GET, POST /sign-in/{attempt}/password` | the password of somebody who has one; on to the application, or who signs them in |
//! | `GET, POST /sign-in/{attempt}/own` | address and password at once, whatever the route of the address is |
//! | `GET, POST /sign-in/{attempt}/second-step` | after a right password: a code; on to the application |
//! | `POST /sign-in/{attempt}/second-step/set-up` | an authenticator app, where one is needed; shows recovery codes |
//! | `POST /sign-in/{attempt}/second-step/set-up/passkey` | asks the browser to make a passkey instead |
//! | `POST /sign-in/{attempt}/second-step/set-up/passkey/answer` | what it has made; shows recovery codes |
//! | `POST /sign-in/{attempt}/passkey` | asks the browser for a passkey, to sign in by it alone |
//! | `POST /sign-in/{attempt}/passkey/answer` | what it answered; on to the application |
//! | `POST /sign-in/{attempt}/second-step/passkey` | asks for a passkey after a right password |
//! | `POST /sign-in/{attempt}/second-step/passkey/answer` | what the browser answered; on to the application |
//! | `GET, POST /password/forgotten` | asks for a link by mail to choose a password |
//! | `GET, POST /password/choose` | the link: asks; sets the password |
//! | `POST /sign-in/{attempt}/connection` | the choice; on to the identity provider |
//! | `GET /sign-in/{attempt}/step-up` | back to the identity provider that signed somebody in, which is asked for more |
//! | `GET /sign-in/{attempt}/continue` | back from the identity provider; on to the application |
//! | `POST /sign-in/{attempt}/restart` | a fresh attempt after one that expired |
//! | `GET, POST /activation` | the link of an activation mail: asks; joins |
//! | `GET, POST /link` | the link of a mail that asks whether a sign-in was somebody's own: asks; links |
//! | `GET, POST /sign-out` | asks; ends the session, and leads on to its SAML provider to end that one too |
//! | `GET /sign-out/done` | back from there |
//! | `GET /assets/{file}` | the stylesheet, the mark and the script for passkeys |
//!
//! Addresses that no door knows get a page from here as well.
//!
//! An attempt's id opens nothing by itself: each page asks for the cookie of the browser that began the attempt. The page
//! `continue` asks for the token as well that its query got from where the answer was brought (`?answer=`).

pub mod activation;
pub mod assets;
pub mod choice;
pub mod departure;
pub mod email;
pub mod failure;
pub mod forgotten;
pub mod form;
pub mod hint;
pub mod home;
pub mod link;
pub mod new_password;
pub mod outcome;
pub mod own_credentials;
pub mod passkey;
pub mod password;
pub mod path;
pub mod refusal_words;
pub mod restart;
pub mod second_step;
pub mod sign_out;
pub mod step_up;
pub mod visit;

use actix_web::web::ServiceConfig;

use crate::http::methods::at;

/// Mounts the routes.
pub fn mount(services: &mut ServiceConfig) {
    let pages = [
        at("/").get(home::get),
        at("/sign-in/{attempt}").get(email::get),
        at("/sign-in/{attempt}/email").post(email::post),
        at("/sign-in/{attempt}/password").get(password::get).post(password::post),
        at("/sign-in/{attempt}/own").get(own_credentials::get).post(own_credentials::post),
        at("/sign-in/{attempt}/second-step").get(second_step::get).post(second_step::post),
        at("/sign-in/{attempt}/second-step/set-up").post(second_step::set_up),
        at("/sign-in/{attempt}/second-step/set-up/passkey").post(second_step::new_passkey::post),
        at("/sign-in/{attempt}/second-step/set-up/passkey/answer").post(second_step::new_passkey::answer),
        at("/sign-in/{attempt}/passkey").post(passkey::post),
        at("/sign-in/{attempt}/passkey/answer").post(passkey::answer),
        at("/sign-in/{attempt}/second-step/passkey").post(second_step::passkey::post),
        at("/sign-in/{attempt}/second-step/passkey/answer").post(second_step::passkey::answer),
        at(path::FORGOTTEN).get(forgotten::get).post(forgotten::post),
        at("/password/choose").get(new_password::get).post(new_password::post),
        at("/sign-in/{attempt}/connection").post(choice::post),
        at("/sign-in/{attempt}/step-up").get(step_up::get),
        at("/sign-in/{attempt}/continue").get(outcome::get),
        at("/sign-in/{attempt}/restart").post(restart::post),
        at("/activation").get(activation::get).post(activation::post),
        at("/link").get(link::get).post(link::post),
        at("/sign-out").get(sign_out::get).post(sign_out::post),
        at(path::SIGNED_OUT).get(sign_out::done),
        at("/assets/{file}").get(assets::get),
    ];
    for page in pages {
        services.service(page.otherwise(home::other_method));
    }
}

#[cfg(test)]
mod tests;
