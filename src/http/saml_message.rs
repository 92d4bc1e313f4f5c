//! A SAML message of ours on its way, in the person's browser.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::page_answer::{Forms, PageHeaders, see_other};
use crate::pages::saml_message::SamlMessagePage;
use crate::protocol::saml::logout::ours::Outgoing;

/// Sends the browser on: by itself, or where the provider takes forms alone, by a button of a page, since it runs no
/// script.
pub fn answer(pages: PageHeaders, outgoing: Outgoing) -> HttpResponse {
    match outgoing {
        Outgoing::Redirect(url) => see_other(&url),
        Outgoing::Form { action, field, message, relay_state } => {
            let page = SamlMessagePage { action, field, message, relay_state };
            pages.page(StatusCode::OK, &page, Forms::LeadAway)
        }
    }
}
