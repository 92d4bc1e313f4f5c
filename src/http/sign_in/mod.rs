//! The pages on which a person signs in and out.
//!
//! | Route | |
//! | --- | --- |
//! | `GET /` | who is signed in here, or how to begin |
//! | `GET /sign-in/{attempt}` | the e-mail page |
//! | `POST /sign-in/{attempt}/email` | the address; on to the identity provider, or to the choice |
//! | `GET, POST /sign-in/{attempt}/password` | the password of somebody who has one; on to the application |
//! | `GET, POST /sign-in/{attempt}/own` | address and password at once, whatever the route of the address is |
//! | `GET, POST /sign-in/{attempt}/second-step` | after a right password: a code; on to the application |
//! | `POST /sign-in/{attempt}/second-step/set-up` | an authenticator app, where one is needed; shows recovery codes |
//! | `POST /sign-in/{attempt}/passkey` | asks the browser for a passkey, to sign in by it alone |
//! | `POST /sign-in/{attempt}/passkey/answer` | what it answered; on to the application |
//! | `POST /sign-in/{attempt}/second-step/passkey` | asks for a passkey after a right password |
//! | `POST /sign-in/{attempt}/second-step/passkey/answer` | what the browser answered; on to the application |
//! | `GET, POST /password/forgotten` | asks for a link by mail to choose a password |
//! | `GET, POST /password/choose` | the link: asks; sets the password |
//! | `POST /sign-in/{attempt}/connection` | the choice; on to the identity provider |
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
pub mod visit;

use actix_web::web::{self, ServiceConfig};

/// Mounts the routes.
pub fn mount(services: &mut ServiceConfig) {
    services
        .route("/", web::get().to(home::get))
        .route("/sign-in/{attempt}", web::get().to(email::get))
        .route("/sign-in/{attempt}/email", web::post().to(email::post))
        .service(
            web::resource("/sign-in/{attempt}/password")
                .route(web::get().to(password::get))
                .route(web::post().to(password::post)),
        )
        .service(
            web::resource("/sign-in/{attempt}/own")
                .route(web::get().to(own_credentials::get))
                .route(web::post().to(own_credentials::post)),
        )
        .service(
            web::resource("/sign-in/{attempt}/second-step")
                .route(web::get().to(second_step::get))
                .route(web::post().to(second_step::post)),
        )
        .route("/sign-in/{attempt}/second-step/set-up", web::post().to(second_step::set_up))
        .route("/sign-in/{attempt}/passkey", web::post().to(passkey::post))
        .route("/sign-in/{attempt}/passkey/answer", web::post().to(passkey::answer))
        .route("/sign-in/{attempt}/second-step/passkey", web::post().to(second_step::passkey::post))
        .route("/sign-in/{attempt}/second-step/passkey/answer", web::post().to(second_step::passkey::answer))
        .service(
            web::resource(path::FORGOTTEN).route(web::get().to(forgotten::get)).route(web::post().to(forgotten::post)),
        )
        .service(
            web::resource("/password/choose")
                .route(web::get().to(new_password::get))
                .route(web::post().to(new_password::post)),
        )
        .route("/sign-in/{attempt}/connection", web::post().to(choice::post))
        .route("/sign-in/{attempt}/continue", web::get().to(outcome::get))
        .route("/sign-in/{attempt}/restart", web::post().to(restart::post))
        .service(
            web::resource("/activation").route(web::get().to(activation::get)).route(web::post().to(activation::post)),
        )
        .service(web::resource("/link").route(web::get().to(link::get)).route(web::post().to(link::post)))
        .service(web::resource("/sign-out").route(web::get().to(sign_out::get)).route(web::post().to(sign_out::post)))
        .route(path::SIGNED_OUT, web::get().to(sign_out::done))
        .route("/assets/{file}", web::get().to(assets::get));
}

#[cfg(test)]
mod tests;
