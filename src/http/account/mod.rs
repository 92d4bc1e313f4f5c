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

use actix_web::web::ServiceConfig;

use crate::http::methods::at;
use crate::http::sign_in::home;
use crate::http::sign_in::visit::{form, page};

/// Mounts the routes.
pub fn mount(services: &mut ServiceConfig) {
    let pages = [
        at(path::SECURITY).get(page(security::get)),
        at(path::PASSWORD).post(form(password::post)),
        at(path::SECOND_STEP).get(page(second_step::get)),
        at(path::ADD_SECOND_STEP).post(form(second_step::add)),
        at(path::RENEW_CODES).post(form(second_step::renew_codes)),
        at(path::REMOVE_SECOND_STEP).post(form(second_step::remove)),
        at(path::PASSKEYS).get(page(passkeys::get)),
        at(path::ADD_PASSKEY).post(form(passkeys::add)),
        at(path::CREATE_PASSKEY).post(form(passkeys::create)),
        at(path::RENAME_PASSKEY).post(form(passkeys::rename)),
        at(path::REMOVE_PASSKEY).post(form(passkeys::remove)),
        at(path::ASK_ADDRESS).post(form(address::ask)),
        at("/account/address").get(page(address::get)).post(form(address::post)),
        at(path::SESSIONS).get(page(sessions::get)),
        at(path::END_SESSION).post(form(sessions::end_one)),
        at(path::END_OTHER_SESSIONS).post(form(sessions::end_others)),
    ];
    for page in pages {
        services.service(page.otherwise(home::other_method));
    }
}

#[cfg(test)]
mod tests;
