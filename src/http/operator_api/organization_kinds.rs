//! What kind of organization it is, which only operators say.
//!
//! * `PUT /api/v1/operator/orgs/{id}/kind`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, put, web};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::access::enforcement::readiness::{self, OrganizationKind};
use crate::directory::{organizations, permission};
use crate::http::admin_api::caller::authenticate;
use crate::http::admin_api::reply::{answer, id, json};
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};
use crate::http::request_body;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(set_organization_kind))]
pub struct Document;

/// The kind of an organization.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganizationKindBody {
    /// `corporate` (every organization, before something else is said) or `education`.
    #[schema(example = "education")]
    kind: String,
}

/// Say what kind of organization it is: from which share of its domain's people on requiring single sign-on is recommended.
#[utoipa::path(tag = "operator", request_body = OrganizationKindBody, params(("id" = String, Path)),
    responses((status = 200, body = OrganizationKindBody), (status = 400, body = ProblemBody),
        (status = 404, body = ProblemBody)))]
#[put("/operator/orgs/{id}/kind")]
pub async fn set_organization_kind(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
    payload: web::Payload,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        permission::require_operator(&op)?;
        let body: OrganizationKindBody =
            request_body::json(&request, payload, context.config.limits.api_body_bytes).await?;
        let unknown = || Problem::new(StatusCode::BAD_REQUEST, "invalid_kind", "there is no such kind");
        let kind = OrganizationKind::parse(&body.kind).ok_or_else(unknown)?;
        let organization = id(&path)?;
        let set = context.store.write(move |tx| {
            organizations::find(tx, organization)?.ok_or_else(Problem::not_found)?;
            Ok::<_, Problem>(readiness::set_kind(tx, &op, organization, kind)?)
        });
        set.await?;
        Ok(json(StatusCode::OK, &body))
    })
    .await
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use crate::access::testing::world;
    use crate::directory::admin_tokens::{self, NewToken};
    use crate::http::testing::{context, send};
    use crate::values::operation::Role;
    use crate::values::quota::Quota;

    #[actix_web::test]
    async fn nobody_but_the_operator_says_of_which_kind_an_organization_is() {
        for world in world().await {
            let context = context(&world, "https://id.test").await;
            let op = world.operator();
            let made = world.store().write(move |tx| admin_tokens::create_for_operator(tx, &op, "laptop", 60)).await;
            let operator = made.unwrap().expose().to_owned();
            let (op, organization) = (world.operator(), world.organization);
            let new = NewToken { name: "t".to_owned(), role: Role::Owner, ttl_seconds: 60, account: None };
            let made =
                world.store().write(move |tx| admin_tokens::create(tx, &op, organization, &new, &Quota::default()));
            let owner = made.await.unwrap().1.expose().to_owned();
            let put = async |token: &str, organization: &str, body: &'static str| {
                let request = TestRequest::put()
                    .uri(&format!("/api/v1/operator/orgs/{organization}/kind"))
                    .insert_header(("Authorization", format!("Bearer {token}")))
                    .insert_header(("Content-Type", "application/json"));
                send(&context, request.set_payload(body)).await.status.as_u16()
            };
            let (acme, nobody) = (world.organization.to_string(), world.application.to_string());
            let (sound, unsound) = ("{\"kind\":\"education\"}", "nonsense");
            assert_eq!(put(&operator, &acme, sound).await, 200, "{}", world.engine());
            assert_eq!(put(&operator, &acme, unsound).await, 400);
            assert_eq!(put(&operator, &nobody, sound).await, 404, "{}", world.engine());
            for body in [sound, unsound] {
                assert_eq!(put(&owner, &acme, body).await, 404, "what others send is not even read");
            }
        }
    }
}
