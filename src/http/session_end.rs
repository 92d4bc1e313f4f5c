//! The end of a session by the person whom it is about, at whichever door: the session ends here, and its SAML provider is asked, in
//! the person's browser, to end its own.

use actix_web::http::StatusCode;
use actix_web::http::header::{InvalidHeaderValue, SET_COOKIE};
use actix_web::{HttpRequest, HttpResponse};

use super::context::Context;
use super::cookies::{Cookie, Cookies};
use super::page_answer::{Forms, PageHeaders, see_other};
use super::saml_message;
use crate::access::attempts;
use crate::access::sign_outs::Leaving;
use crate::flows::sign_out_by_saml::{self, SignOutError};
use crate::pages::signed_out::SignedOutPage;
use crate::store::failure::StoreError;
use crate::values::operation::Operation;
use crate::values::secret::Secret;

/// Why a session could not be ended.
#[derive(Debug, thiserror::Error)]
pub enum EndError {
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
    /// The message to the provider could not be made.
    #[error(transparent)]
    Message(SignOutError),
    /// A cookie cannot be written.
    #[error(transparent)]
    Cookie(#[from] InvalidHeaderValue),
}

impl From<SignOutError> for EndError {
    fn from(error: SignOutError) -> Self {
        match error {
            SignOutError::Store(error) => Self::Store(error),
            SignOutError::NoConnection
            | SignOutError::Rejected(_)
            | SignOutError::NotExpected
            | SignOutError::Unfinished(_)
            | SignOutError::ServiceProvider(_) => Self::Message(error),
        }
    }
}

/// Ends the session of `token`. The browser goes to its provider, or else `back`, or it is told that it is signed out.
pub async fn end(
    context: &Context,
    request: &HttpRequest,
    op: &Operation,
    token: Secret,
    back: Option<String>,
) -> Result<HttpResponse, EndError> {
    let cookies = Cookies::new(context.config.data_center.clone(), &context.config.public_url);
    let pages = PageHeaders::new(&context.config.public_url);
    let known = cookies.read(request, Cookie::Attempt);
    let binding = known.clone().unwrap_or_else(|| attempts::new_binding(op));
    let leaving = Leaving { binding: binding.clone(), return_url: back.clone() };
    let limits = context.session_limits();
    let upstream = sign_out_by_saml::begin(context.sign_out_parties(), op, token, limits, leaving).await?;
    let new_binding = match (&upstream, known) {
        (Some(_), None) => Some(cookies.set(Cookie::Attempt, &binding)?),
        (Some(_), Some(_)) | (None, _) => None,
    };
    let mut answer = match upstream {
        Some(outgoing) => saml_message::answer(pages, outgoing),
        None => signed_out(pages, back),
    };
    answer.headers_mut().append(SET_COOKIE, cookies.remove(Cookie::Session)?);
    if let Some(cookie) = new_binding {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(answer)
}

/// Nobody is signed in any more: the browser goes `back`, or is told so, with a link where a redirect may not end there
/// (decision 0044).
pub fn signed_out(pages: PageHeaders, back: Option<String>) -> HttpResponse {
    match back {
        Some(url) if pages.may_end_at(&url) => see_other(&url),
        back => pages.page(StatusCode::OK, &SignedOutPage { back, ..SignedOutPage::here() }, Forms::StayHere),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;

    use super::signed_out;
    use crate::http::page_answer::PageHeaders;

    #[actix_web::test]
    async fn rfc8252_7_the_way_back_to_an_application_of_the_device_is_a_link() {
        let pages = PageHeaders::new(&"https://id.example".parse().unwrap());
        let back = signed_out(pages, Some("https://app.example/bye".to_owned()));
        assert_eq!(
            (back.status().as_u16(), back.headers().get("location").unwrap().to_str().unwrap()),
            (303, "https://app.example/bye")
        );
        let told = signed_out(pages, Some("com.app:/bye".to_owned()));
        assert_eq!((told.status().as_u16(), told.headers().get("location")), (200, None));
        let page = to_bytes(told.into_body()).await.unwrap();
        assert!(String::from_utf8_lossy(&page).contains("href=\"com.app:/bye\""));
    }
}
