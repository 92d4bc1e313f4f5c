//! OpenID Connect: the callback, and our keys. The callback is a top-level GET, so the browser's cookie does arrive, and the
//! answer counts only in the browser that began.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::failure::{self, Failure, Named};
use crate::access::identity::Outcome;
use crate::directory::connections::{self, ConnectionState, Settings};
use crate::flows::sign_in_by_oidc::FinishError;
use crate::http::context::Context;
use crate::http::cookies::{Cookie, Cookies};
use crate::http::observe::request_id;
use crate::http::page_answer::see_other;
use crate::http::sign_in::path;
use crate::protocol::oidc::jwks::JwkSet;
use crate::store::failure::StoreError;
use crate::values::ids::ConnectionId;
use crate::values::operation::{Actor, Operation};

impl From<FinishError> for Failure {
    fn from(error: FinishError) -> Self {
        match error {
            FinishError::Malformed => Self::Malformed,
            FinishError::NotExpected => Self::NotExpected,
            FinishError::Sealing(_) => Self::Internal(error.to_string()),
            FinishError::Store(error) => error.into(),
        }
    }
}

/// `GET /federation/oidc/{connection}/callback`
pub async fn callback(request: HttpRequest, context: Data<Context>, connection: Path<String>) -> HttpResponse {
    let op = context.operation(Actor::Anonymous, request_id(&request));
    let Ok(connection) = connection.parse() else {
        return failure::answer(&context, &op, None, Failure::NotFound).await;
    };
    match take(&context, &op, connection, &request).await {
        Ok(outcome) => see_other(&path::arrival(outcome.attempt, &outcome.arrival)),
        Err(failure) => failure::answer(&context, &op, Some(Named::Oidc(connection)), failure).await,
    }
}

/// Our keys for one connection. Not a secret: a provider fetches them without credentials.
pub async fn jwks(request: HttpRequest, context: Data<Context>, connection: Path<String>) -> HttpResponse {
    let op = context.operation(Actor::Anonymous, request_id(&request));
    match find_keys(&context, &op, &connection).await {
        Ok(keys) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "application/jwk-set+json"))
            .insert_header((CACHE_CONTROL, "public, max-age=300"))
            .insert_header(("X-Content-Type-Options", "nosniff"))
            .json(keys),
        Err(failure) => failure::answer(&context, &op, None, failure).await,
    }
}

async fn find_keys(context: &Context, op: &Operation, path: &str) -> Result<JwkSet, Failure> {
    let id: ConnectionId = path.parse().map_err(|_| Failure::NotFound)?;
    let (relying_party, at) = (context.outside.relying_party.clone(), op.at);
    let find = context.store.read(move |tx| {
        let found = connections::find(tx, id)?.filter(|found| found.state != ConnectionState::Deleted);
        match found.map(|found| found.settings) {
            Some(Settings::Oidc { .. }) => Ok(relying_party.jwks(tx, at).map_err(StoreError::from)?),
            Some(Settings::Saml { .. }) | None => Err(Failure::NotFound),
        }
    });
    find.await
}

async fn take(
    context: &Context,
    op: &Operation,
    connection: ConnectionId,
    request: &HttpRequest,
) -> Result<Outcome, Failure> {
    context.admit(&context.throttles.answers, request, op)?;
    let cookies = Cookies::new(context.config.data_center.clone(), &context.config.public_url);
    let binding = cookies.read(request, Cookie::Attempt);
    Ok(context.sign_in_by_oidc().finish(op, connection, binding.as_ref(), request.query_string()).await?)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use crate::access::testing::world;
    use crate::access::traces;
    use crate::http::testing::{context, send};
    use crate::store::traces::Wanted;
    use crate::values::page::PageRequest;

    #[actix_web::test]
    async fn a_callback_that_cannot_be_read_is_400_and_leaves_nothing_whoever_brings_it() {
        for world in world().await {
            let (context, connection) = (context(&world, "https://id.example").await, world.connection);
            for (query, kept) in [("", 0), ("code=%ff", 0), ("state=a&state=b&code=c", 0), ("state=a&code=c", 1)] {
                let request = TestRequest::get().uri(&format!("/federation/oidc/{connection}/callback?{query}"));
                assert_eq!(send(&context, request).await.status.as_u16(), 400, "{query}");
                let (op, organization) = (world.operator(), world.organization);
                let page = PageRequest::new(None, None).unwrap();
                let read = world.store().read(move |tx| traces::page(tx, &op, organization, &Wanted::default(), &page));
                assert_eq!(read.await.unwrap().items.len(), kept, "{}: {query}", world.engine());
            }
        }
    }
}
