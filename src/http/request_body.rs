//! Reading a body within bounds: the media type, then the size and the time. Nothing is kept in memory for a request that will be
//! refused. Each door says in its own words what is wrong with a body.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use actix_web::web::{Bytes, Data, Payload};
use serde::de::DeserializeOwned;

use super::admin_api::caller;
use super::context::Context;
use super::json_objects;
use super::problem::Problem;

/// What a browser sends a form as.
pub const FORM: &str = "application/x-www-form-urlencoded";
/// Stands for a request that does not name a media type.
pub const UNNAMED: &str = "";

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyFailure {
    /// Its media type is none of those that the door reads, or it is not in UTF-8.
    #[error("the body has another media type")]
    MediaType,
    /// It is compressed, or encoded in another way.
    #[error("the body has a content encoding, and only identity is read")]
    Encoding,
    /// It is longer than the limit, in bytes.
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
    /// It did not arrive in time.
    #[error("the body did not arrive in time")]
    TooSlow,
    /// It did not arrive whole.
    #[error("the body cannot be read")]
    Unreadable,
}

/// Reads the body of `request`, of one of `media_types` and of at most `limit` bytes.
pub async fn bounded(
    request: &HttpRequest,
    payload: Payload,
    media_types: &[&str],
    limit: usize,
) -> Result<Bytes, BodyFailure> {
    check_media_type(request, media_types)?;
    any(request, payload, limit).await
}

/// Reads a body of any media type, for a door that looks at it only when there is one.
pub async fn any(request: &HttpRequest, payload: Payload, limit: usize) -> Result<Bytes, BodyFailure> {
    check_encoding(request)?;
    within(time_allowed(request), payload, limit).await
}

async fn within(time: Duration, payload: Payload, limit: usize) -> Result<Bytes, BodyFailure> {
    match tokio::time::timeout(time, payload.to_bytes_limited(limit)).await {
        Ok(Ok(Ok(body))) => Ok(body),
        Ok(Ok(Err(_))) => Err(BodyFailure::Unreadable),
        Ok(Err(_)) => Err(BodyFailure::TooLong(limit)),
        Err(_) => Err(BodyFailure::TooSlow),
    }
}

/// How long the whole body may take, however steadily its bytes trickle in.
fn time_allowed(request: &HttpRequest) -> Duration {
    let context = request.app_data::<Data<Context>>();
    context.map_or(Duration::from_secs(20), |context| context.config.limits.body_timeout)
}

/// Refuses a body that would have to be decoded first.
fn check_encoding(request: &HttpRequest) -> Result<(), BodyFailure> {
    let is_identity = |value: &HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity");
    let mut named = request.headers().get_all(CONTENT_ENCODING);
    if named.all(|value| value.is_empty() || is_identity(value)) { Ok(()) } else { Err(BodyFailure::Encoding) }
}

/// Refuses every media type but these, and every `charset` but UTF-8 and what is a part of it, except of a form, which has none: its
/// bytes are percent-encoded, and some clients name the one of their platform. Other parameters do not count, nor does letter case.
pub fn check_media_type(request: &HttpRequest, media_types: &[&str]) -> Result<(), BodyFailure> {
    let mut headers = request.headers().get_all(CONTENT_TYPE);
    let named = match (headers.next(), headers.next()) {
        (None, _) => UNNAMED,
        (Some(only), None) => only.to_str().map_err(|_| BodyFailure::MediaType)?,
        (Some(_), Some(_)) => return Err(BodyFailure::Unreadable),
    };
    let mut parts = named.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let is_known = media_types.iter().any(|known| essence.eq_ignore_ascii_case(known));
    let is_form = essence.eq_ignore_ascii_case(FORM);
    if is_known && (is_form || parts.all(is_readable)) { Ok(()) } else { Err(BodyFailure::MediaType) }
}

/// False for a `charset` that is not read.
fn is_readable(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return true };
    let value = value.trim().trim_matches('"');
    !name.trim().eq_ignore_ascii_case("charset")
        || ["utf-8", "utf8", "us-ascii"].iter().any(|known| value.eq_ignore_ascii_case(known))
}

/// How deep arrays and objects stand inside each other, in what may be JSON.
fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest, mut is_text, mut is_escaped) = (0_usize, 0_usize, false, false);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            b'[' | b'{' if !is_text => {
                depth = depth.saturating_add(1);
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !is_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// How deep a JSON body may be nested.
fn depth_allowed(request: &HttpRequest) -> usize {
    let context = request.app_data::<Data<Context>>();
    context.map_or(32, |context| context.config.limits.json_depth)
}

/// Reads the JSON body of an authenticated call as a `T`. Unknown members are faults, so that a misspelt one is not
/// silently ignored. The token is looked up once more when the body is there: it may have been revoked while the body
/// trickled in.
pub async fn json<T: DeserializeOwned>(request: &HttpRequest, payload: Payload, limit: usize) -> Result<T, Problem> {
    let body = bounded(request, payload, &["application/json"], limit).await.map_err(|failure| match failure {
        BodyFailure::MediaType => {
            let detail = "the body must be application/json, in UTF-8";
            Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
        }
        BodyFailure::Encoding => Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", failure),
        BodyFailure::TooLong(_) => Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", failure),
        BodyFailure::TooSlow => Problem::new(StatusCode::REQUEST_TIMEOUT, "too_slow", failure),
        BodyFailure::Unreadable => Problem::new(StatusCode::BAD_REQUEST, "malformed", failure),
    })?;
    if let Some(context) = request.app_data::<Data<Context>>() {
        caller::authenticate(context, request).await?;
    }
    let most = depth_allowed(request);
    if depth(&body) > most {
        let detail = format!("the body is nested deeper than {most} levels");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "malformed", detail));
    }
    json_objects::read(&body).map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "malformed", error))
}

#[cfg(test)]
mod tests {
    use actix_web::FromRequest as _;
    use actix_web::test::TestRequest;
    use actix_web::web::{Bytes, Payload};

    use std::time::Duration;

    use futures_util::stream;

    use super::{BodyFailure, FORM, UNNAMED, bounded, depth, json, within};
    use crate::access::testing::{World, world};
    use crate::directory::admin_tokens::{self, NewToken};
    use crate::http::context::Context;
    use crate::http::federation::journey;
    use crate::http::testing::{self, Answer, send};
    use crate::values::operation::Role;
    use crate::values::quota::Quota;

    /// Every address that takes a form, with what its answers begin with; `{id}` is a connection or an attempt.
    const FORMS: [(&str, &str); 25] = [
        ("/sign-in/{id}/email", "<!doctype html>"),
        ("/sign-in/{id}/password", "<!doctype html>"),
        ("/sign-in/{id}/own", "<!doctype html>"),
        ("/sign-in/{id}/second-step", "<!doctype html>"),
        ("/sign-in/{id}/second-step/set-up", "<!doctype html>"),
        ("/sign-in/{id}/second-step/set-up/passkey", "<!doctype html>"),
        ("/sign-in/{id}/second-step/set-up/passkey/answer", "<!doctype html>"),
        ("/sign-in/{id}/passkey", "<!doctype html>"),
        ("/sign-in/{id}/passkey/answer", "<!doctype html>"),
        ("/sign-in/{id}/second-step/passkey", "<!doctype html>"),
        ("/sign-in/{id}/second-step/passkey/answer", "<!doctype html>"),
        ("/sign-in/{id}/connection", "<!doctype html>"),
        ("/sign-in/{id}/restart", "<!doctype html>"),
        ("/password/forgotten", "<!doctype html>"),
        ("/password/choose?token=t", "<!doctype html>"),
        ("/activation?token=t", "<!doctype html>"),
        ("/link?token=t", "<!doctype html>"),
        ("/sign-out", "<!doctype html>"),
        ("/oauth2/authorize", "<!doctype html>"),
        ("/oauth2/end-session", "<!doctype html>"),
        ("/federation/oidc/{id}/initiate", "<!doctype html>"),
        ("/federation/oidc/{id}/backchannel-logout", "{"),
        ("/oauth2/token", "{"),
        ("/oauth2/revoke", "{"),
        ("/oauth2/userinfo", "{"),
    ];

    /// Posts as the n-th network, so that none has to wait.
    async fn post(context: &Context, network: u8, path: &str, form: &str) -> Answer {
        let request = TestRequest::post().uri(path).peer_addr(format!("192.0.2.{network}:9").parse().unwrap());
        send(context, request.insert_header(("Content-Type", FORM)).set_payload(form.to_owned())).await
    }

    async fn token(world: &World) -> String {
        let (op, organization) = (world.operator(), world.organization);
        let new = NewToken { name: "t".to_owned(), role: Role::Admin, ttl_seconds: 60, account: None };
        let made =
            world.store().write(move |tx| admin_tokens::create(tx, &op, organization, &new, &Quota::default())).await;
        made.unwrap().1.expose().to_owned()
    }

    #[actix_web::test]
    async fn a_form_whose_encoding_is_broken_is_400_in_the_words_of_its_surface() {
        for world in world().await {
            let context = testing::context(&world, "https://id.test").await;
            let saml = journey::connect_saml(&world).await.to_string();
            let of_saml = ["/federation/saml/{id}/acs", "/federation/saml/{id}/slo"];
            let of_saml = of_saml.map(|path| (path.replace("{id}", &saml), "<!doctype html>"));
            let others = FORMS.map(|(path, start)| (path.replace("{id}", &world.connection.to_string()), start));
            for (network, (path, start)) in (1..).zip(others.into_iter().chain(of_saml)) {
                for broken in ["email=%ff", "%ff=%&&==&", "token=%zz", "SAMLResponse=x&RelayState=%C3"] {
                    let answer = post(&context, network, &path, broken).await;
                    assert_eq!(answer.status.as_u16(), 400, "{path} {broken}: {}", answer.text());
                    assert!(answer.text().to_lowercase().starts_with(start), "{path}: {}", answer.text());
                }
            }
        }
    }

    #[actix_web::test]
    async fn a_query_whose_encoding_is_broken_is_400_where_it_is_read() {
        for world in world().await {
            let context = testing::context(&world, "https://id.test").await;
            let token = token(&world).await;
            let paths = [
                "/activation?token=%ff".to_owned(),
                "/link?token=%zz".to_owned(),
                "/password/choose?token=%f".to_owned(),
                "/account/address?token=t&%ff".to_owned(),
                "/oauth2/authorize?client_id=%ff".to_owned(),
                "/oauth2/end-session?state=%zz".to_owned(),
                "/scim/v2/acme/Users?filter=%ff".to_owned(),
                "/scim/v2/acme/Users?count=%zz".to_owned(),
                "/api/v1/orgs/acme/domains?after=%ff".to_owned(),
                "/api/v1/orgs/acme/traces?outcome=%zz".to_owned(),
                format!("/federation/oidc/{}/initiate?iss=%ff", world.connection),
                format!("/federation/saml/{}/slo?SAMLRequest=%ff", journey::connect_saml(&world).await),
            ];
            for path in paths {
                let request = TestRequest::get().uri(&path).insert_header(("Authorization", format!("Bearer {token}")));
                let answer = send(&context, request).await;
                assert_eq!(answer.status.as_u16(), 400, "{path}: {}", answer.text());
            }
        }
    }

    async fn read(media_type: Option<&str>, known: &[&str], body: &str) -> Result<Bytes, BodyFailure> {
        let request = TestRequest::post();
        let request = match media_type {
            Some(text) => request.insert_header(("Content-Type", text)),
            None => request,
        };
        let (request, mut payload) = request.set_payload(body.to_owned()).to_http_parts();
        let payload = Payload::from_request(&request, &mut payload).await.unwrap();
        bounded(&request, payload, known, 10).await
    }

    #[actix_web::test]
    async fn a_body_is_read_up_to_the_limit() {
        assert_eq!(read(Some(FORM), &[FORM], "0123456789").await.unwrap(), "0123456789");
        assert_eq!(read(Some(FORM), &[FORM], "0123456789a").await, Err(BodyFailure::TooLong(10)));
    }

    #[actix_web::test]
    async fn headers_that_say_something_else_about_a_body_are_not_passed_over() {
        let read = async |headers: &[(&'static str, &'static str)]| {
            let mut request = TestRequest::post().set_payload("a=b");
            for header in headers {
                request = request.append_header(*header);
            }
            let (request, mut payload) = request.to_http_parts();
            let payload = Payload::from_request(&request, &mut payload).await.unwrap();
            bounded(&request, payload, &[FORM], 10).await.map(|_| ())
        };
        let form = ("Content-Type", FORM);
        assert_eq!(read(&[form, ("Content-Encoding", "Identity")]).await, Ok(()));
        for encoding in ["gzip", "identity, gzip", "foo"] {
            assert_eq!(read(&[form, ("Content-Encoding", encoding)]).await, Err(BodyFailure::Encoding), "{encoding}");
        }
        assert_eq!(read(&[form, form]).await, Err(BodyFailure::Unreadable));
    }

    #[actix_web::test]
    async fn json_is_read_down_to_the_limit() {
        let read = |body: String| async move {
            let request = TestRequest::post().insert_header(("Content-Type", "application/json")).set_payload(body);
            let (request, mut payload) = request.to_http_parts();
            let payload = Payload::from_request(&request, &mut payload).await.unwrap();
            json::<serde_json::Value>(&request, payload, 1_000).await
        };
        let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert!(read(nested(32)).await.is_ok());
        assert!(read(nested(33)).await.is_err());
        for (text, levels) in [(r#"{"a":[1,{}],"b":{}}"#, 3), (r#"["[[[\"[[", "\\"]"#, 1), ("]]][", 1), ("", 0)] {
            assert_eq!(depth(text.as_bytes()), levels, "{text}");
        }
    }

    #[actix_web::test]
    async fn a_body_that_stops_halfway_is_not_waited_for() {
        use futures_util::StreamExt as _;

        let request = TestRequest::post().to_http_request();
        let stopped = stream::iter([Ok(Bytes::from_static(b"ab"))]).chain(stream::pending());
        let mut stopped: actix_web::dev::Payload = actix_web::dev::Payload::Stream { payload: Box::pin(stopped) };
        let payload = Payload::from_request(&request, &mut stopped).await.unwrap();
        assert_eq!(within(Duration::from_millis(1), payload, 10).await, Err(BodyFailure::TooSlow));
    }

    #[actix_web::test]
    async fn only_the_media_types_of_the_door_are_read() {
        for same in ["Application/X-WWW-Form-URLencoded; charset=utf-8", " application/x-www-form-urlencoded "] {
            assert!(read(Some(same), &[FORM], "a=b").await.is_ok(), "{same}");
        }
        const JSON: &str = "application/json";
        for charset in ["; charset=\"UTF-8\"", ";v=1;charset=us-ascii", ";"] {
            assert!(read(Some(&format!("{JSON}{charset}")), &[JSON], "{}").await.is_ok(), "{charset}");
        }
        for charset in ["; charset=utf-16", ";v=1; Charset = \"iso-8859-1\""] {
            let refused = read(Some(&format!("{JSON}{charset}")), &[JSON], "{}").await;
            assert_eq!(refused, Err(BodyFailure::MediaType), "{charset}");
            assert!(read(Some(&format!("{FORM}{charset}")), &[FORM], "a=b").await.is_ok(), "{charset}");
        }
        for other in [Some("application/json"), Some("application/x-www-form-urlencoded2"), Some(""), None] {
            assert_eq!(read(other, &[FORM], "a=b").await, Err(BodyFailure::MediaType), "{other:?}");
        }
        assert!(read(None, &[UNNAMED, FORM], "a=b").await.is_ok());
    }
}
