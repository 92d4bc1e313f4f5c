//! The pages on which a person looks after their own account.
//!
//! | Route | |
//! | --- | --- |
//! | `GET /account/security` | how the person signs in |
//! | `POST /account/password` | another password, by the one before |
//! | `GET /account/second-step` | the authenticator app and the recovery codes, or how to set them up |
//! | `POST /account/second-step/add` | sets it up, by a code of the app and the password or a passkey; shows recovery codes |
//! | `POST /account/second-step/codes` | other recovery codes, by the password and a code, or by a passkey |
//! | `POST /account/second-step/remove` | the end of it, by the password and a code, or by a passkey |
//! | `GET /account/passkeys` | the passkeys of the person |
//! | `POST /account/passkeys/add` | asks the browser for another one, by the password and a code, or by a passkey |
//! | `POST /account/passkeys/create` | what it has made; shows recovery codes with the first second factor |
//! | `POST /account/passkeys/rename` | another name for one |
//! | `POST /account/passkeys/remove` | the end of one, by the password and a code, or by a passkey |
//! | `POST /account/address/ask` | asks for a link by mail to confirm the address |
//! | `GET, POST /account/address` | the link: asks; confirms |
//! | `GET /account/sessions` | where the person is signed in |
//! | `POST /account/sessions/end` | ends one session |
//! | `POST /account/sessions/end-others` | ends all but this one |
//!
//! Each page asks for a live session, and each form for the token of that session as well, which no other site can know.

pub mod address;
pub mod failure;
pub mod passkeys;
pub mod password;
pub mod path;
pub mod proof;
pub mod second_step;
pub mod security;
pub mod sessions;
pub mod signed_in;

use actix_web::web::{self, ServiceConfig};

/// Mounts the routes.
pub fn mount(services: &mut ServiceConfig) {
    services
        .route(path::SECURITY, web::get().to(security::get))
        .route(path::PASSWORD, web::post().to(password::post))
        .route(path::SECOND_STEP, web::get().to(second_step::get))
        .route(path::ADD_SECOND_STEP, web::post().to(second_step::add))
        .route(path::RENEW_CODES, web::post().to(second_step::renew_codes))
        .route(path::REMOVE_SECOND_STEP, web::post().to(second_step::remove))
        .route(path::PASSKEYS, web::get().to(passkeys::get))
        .route(path::ADD_PASSKEY, web::post().to(passkeys::add))
        .route(path::CREATE_PASSKEY, web::post().to(passkeys::create))
        .route(path::RENAME_PASSKEY, web::post().to(passkeys::rename))
        .route(path::REMOVE_PASSKEY, web::post().to(passkeys::remove))
        .route(path::ASK_ADDRESS, web::post().to(address::ask))
        .service(
            web::resource("/account/address").route(web::get().to(address::get)).route(web::post().to(address::post)),
        )
        .route(path::SESSIONS, web::get().to(sessions::get))
        .route(path::END_SESSION, web::post().to(sessions::end_one))
        .route(path::END_OTHER_SESSIONS, web::post().to(sessions::end_others));
}

#[cfg(test)]
mod tests;
