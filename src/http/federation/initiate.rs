//! Third-party-initiated login (OpenID Connect Core, 4): a provider sends somebody here to sign in, and they are led to where
//! an application begins a sign-in. Off unless the organization says where to.

use actix_web::http::Method;
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::failure::{self, Failure, Named};
use crate::directory::connections::initiation::{self, InitiationError};
use crate::http::context::Context;
use crate::http::observe::request_id;
use crate::http::page_answer::see_other;
use crate::http::request_body::{self, FORM};
use crate::protocol::oidc::relying_party::initiation::InitiatedLogin;
use crate::values::ids::ConnectionId;
use crate::values::operation::{Actor, Operation};

impl From<InitiationError> for Failure {
    fn from(error: InitiationError) -> Self {
        match error {
            InitiationError::NotFound => Self::NotFound,
            InitiationError::NotMeant => Self::Malformed,
            InitiationError::Store(error) => error.into(),
        }
    }
}

/// `GET, POST /federation/oidc/{connection}/initiate`: "The Login Initiation Endpoint [...] MUST support both".
pub async fn lead(request: HttpRequest, context: Data<Context>, path: Path<String>, payload: Payload) -> HttpResponse {
    let op = context.operation(Actor::Anonymous, request_id(&request));
    let Ok(connection) = path.parse() else {
        return failure::answer(&context, &op, None, Failure::NotFound).await;
    };
    match find(&context, &op, connection, &request, payload).await {
        Ok(url) => see_other(&url),
        Err(failure) => failure::answer(&context, &op, Some(Named::Oidc(connection)), failure).await,
    }
}

async fn find(
    context: &Context,
    op: &Operation,
    connection: ConnectionId,
    request: &HttpRequest,
    payload: Payload,
) -> Result<String, Failure> {
    context.admit(&context.throttles.answers, request, op)?;
    let asked = if request.method() == Method::POST {
        let body = request_body::bounded(request, payload, &[FORM], context.config.limits.form_bytes).await?;
        std::str::from_utf8(&body).ok().and_then(|text| InitiatedLogin::parse(text).ok())
    } else {
        InitiatedLogin::parse(request.query_string()).ok()
    };
    let (asked, issuer) = (asked.ok_or(Failure::Malformed)?, context.issuer().to_owned());
    let found = context.store.read(move |tx| initiation::lead(tx, connection, &asked, &issuer));
    Ok(found.await?.into())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::CONTENT_TYPE;
    use actix_web::test::TestRequest;

    use crate::access::testing::{World, world};
    use crate::directory::connections::initiation::Initiation;
    use crate::directory::connections::oidc_options::{self, OidcOptions};
    use crate::directory::connections::{self, ConnectionError};
    use crate::http::context::Context;
    use crate::http::testing::{Answer, context, send};

    const ISSUER: &str = "https://idp.acme.test";

    async fn set(world: &World, login_uri: &str) -> Result<(), ConnectionError> {
        let (op, organization, id) = (world.operator(), world.organization, world.connection);
        let initiation = Initiation { application: world.application, login_uri: login_uri.to_owned() };
        let options = OidcOptions { initiation: Some(initiation), ..OidcOptions::default() };
        let write = world.store().write(move |tx| oidc_options::replace(tx, &op, organization, id, &options));
        write.await.map(|_| ())
    }

    async fn ask(world: &World, context: &Context, query: &str) -> Answer {
        let path = format!("/federation/oidc/{}/initiate", world.connection);
        send(context, TestRequest::get().uri(&format!("{path}?{query}"))).await
    }

    #[actix_web::test]
    async fn oidcc_client_test_3rd_party_init_login() {
        for world in world().await {
            let context = context(&world, "https://id.test").await;
            let query = format!("iss={ISSUER}&login_hint=ada%40acme.test&target_link_uri=https://app.example/inbox");
            assert_eq!(ask(&world, &context, &query).await.status, 404, "off until the organization says where to");
            set(&world, "https://app.example/begin").await.unwrap();
            assert_eq!(world.entries("connection.updated").await.len(), 1, "{}", world.engine());
            let led = ask(&world, &context, &query).await;
            let expected = "https://app.example/begin?iss=https%3A%2F%2Fid.test&login_hint=ada%40acme.test\
                            &target_link_uri=https%3A%2F%2Fapp.example%2Finbox";
            assert_eq!((led.status.as_u16(), led.header("location").as_deref()), (303, Some(expected)));
            let path = format!("/federation/oidc/{}/initiate", world.connection);
            let form =
                TestRequest::post().uri(&path).insert_header((CONTENT_TYPE, "application/x-www-form-urlencoded"));
            let led = send(&context, form.set_payload(query)).await;
            assert_eq!((led.status.as_u16(), led.header("location").as_deref()), (303, Some(expected)));
            assert!(led.header("set-cookie").is_none(), "nothing is begun here");
        }
    }

    #[actix_web::test]
    async fn nobody_is_led_anywhere_else() {
        for world in world().await {
            let context = context(&world, "https://id.test").await;
            for other in ["https://evil.test/begin", "https://app.example@evil.test/", "/begin", ""] {
                assert!(matches!(set(&world, other).await, Err(ConnectionError::InvalidOptions(_))), "{other}");
            }
            set(&world, "https://app.example/begin").await.unwrap();
            for query in [
                "iss=https://evil.test".to_owned(),
                format!("iss={ISSUER}/"),
                "login_hint=ada".to_owned(),
                format!("iss={ISSUER}&iss={ISSUER}"),
                format!("iss={ISSUER}&target_link_uri=https://evil.test/"),
                format!("iss={ISSUER}&target_link_uri=https://app.example.evil.test/"),
                format!("iss={ISSUER}&target_link_uri=//evil.test"),
            ] {
                let answer = ask(&world, &context, &query).await;
                assert_eq!((answer.status.as_u16(), answer.header("location")), (400, None), "{query}");
            }
            let (op, organization, id) = (world.operator(), world.organization, world.connection);
            world.store().write(move |tx| connections::disable(tx, &op, organization, id)).await.unwrap();
            assert_eq!(ask(&world, &context, &format!("iss={ISSUER}")).await.status, 404);
        }
    }
}
