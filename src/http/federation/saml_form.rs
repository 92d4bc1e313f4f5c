//! The form in which a browser brings a SAML message (SAML bindings 3.5.4): bounded, well-formed, each field
//! once.

use actix_web::HttpRequest;
use actix_web::web::Payload;

use super::failure::Failure;
use crate::http::context::Context;
use crate::http::request_body::{self, FORM};
use crate::protocol::form::Fields;

/// What a form may have beside the message: the field names, the RelayState, and what other fields there are.
const OTHER_FIELDS_BYTES: usize = 4 * 1024;

/// A form that was posted.
pub struct SamlForm {
    fields: Fields,
}

impl SamlForm {
    /// Reads the body of `request`. The longest document bounds it: base64 and form encoding are on top.
    pub async fn read(context: &Context, request: &HttpRequest, payload: Payload) -> Result<Self, Failure> {
        let limit = context.config.limits.saml_response_bytes.saturating_mul(2).saturating_add(OTHER_FIELDS_BYTES);
        let body = request_body::bounded(request, payload, &[FORM], limit).await?;
        Ok(Self { fields: Fields::parse(&body).map_err(|_| Failure::Malformed)? })
    }

    /// The value of a field, if it was sent. Sent twice, two readers could take different ones.
    pub fn field(&self, name: &str) -> Result<Option<&str>, Failure> {
        self.fields.once(name).map_err(|_| Failure::Malformed)
    }
}
