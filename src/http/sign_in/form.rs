//! Reading the forms of the sign-in pages: bounded, well-formed, from the gateway's own pages, each field once.

use actix_web::HttpRequest;
use actix_web::web::Payload;

use super::failure::Failure;
use crate::http::request_body::{self, FORM, UNNAMED};
use crate::protocol::form::{Fields, MalformedForm};

/// The fields of a submitted form.
#[derive(Debug)]
pub struct Form {
    fields: Fields,
}

impl Form {
    /// Reads the body of `request`, of at most `limit` bytes.
    pub async fn read(request: &HttpRequest, payload: Payload, limit: usize) -> Result<Self, Failure> {
        refuse_other_sites(request)?;
        let body = request_body::bounded(request, payload, &[UNNAMED, FORM], limit).await?;
        Ok(Self { fields: Fields::parse(&body)? })
    }

    /// The value of a field. `None` when it is missing or was sent twice.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.once(name).ok().flatten()
    }
}

impl From<MalformedForm> for Failure {
    fn from(_: MalformedForm) -> Self {
        Self::Malformed
    }
}

/// The cookies are `SameSite=Lax` and do not come with a POST of another site; browsers say as well where a request
/// comes from, and then it must be from here.
fn refuse_other_sites(request: &HttpRequest) -> Result<(), Failure> {
    match request.headers().get("Sec-Fetch-Site").map(|site| site.as_bytes()) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => Err(Failure::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::FromRequest as _;
    use actix_web::test::TestRequest;
    use actix_web::web::Payload;

    use super::Form;
    use crate::http::sign_in::failure::Failure;

    async fn read(request: TestRequest, body: &str) -> Result<Form, Failure> {
        let (request, mut payload) = request.set_payload(body.to_owned()).to_http_parts();
        let payload = Payload::from_request(&request, &mut payload).await.unwrap();
        Form::read(&request, payload, 100).await
    }

    fn form_request() -> TestRequest {
        TestRequest::post().insert_header(("Content-Type", "application/x-www-form-urlencoded"))
    }

    #[actix_web::test]
    async fn a_field_is_read_when_it_was_sent_once() {
        let form = read(form_request(), "email=ada%40acme.test&twice=1&twice=2").await.unwrap();
        assert_eq!(form.field("email"), Some("ada@acme.test"));
        assert_eq!((form.field("twice"), form.field("missing")), (None, None));
    }

    #[actix_web::test]
    async fn a_long_body_another_type_and_another_site_are_refused() {
        assert!(matches!(read(form_request(), &"x".repeat(101)).await, Err(Failure::TooLong)));
        let json = TestRequest::post().insert_header(("Content-Type", "application/json"));
        assert!(matches!(read(json, "{}").await, Err(Failure::Malformed)));
        for site in ["cross-site", "same-site"] {
            let request = form_request().insert_header(("Sec-Fetch-Site", site));
            assert!(matches!(read(request, "a=b").await, Err(Failure::Malformed)), "{site}");
        }
    }
}
