//! The operators' own tokens. They are made on the command line.
//!
//! * `GET /api/v1/operator/tokens`
//! * `DELETE /api/v1/operator/tokens/{id}`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, delete, get, web};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::directory::admin_tokens::{self, OperatorToken};
use crate::http::admin_api::caller::authenticate;
use crate::http::admin_api::reply::{ListBody, PageQuery, answer, id, json, no_content, page};
use crate::http::context::Context;
use crate::http::problem::{Problem, ProblemBody};

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(operator_list_tokens, operator_revoke_token))]
pub struct Document;

/// An operator's token, without itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct OperatorTokenBody {
    id: String,
    name: String,
    created_at: String,
    expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
}

impl OperatorTokenBody {
    fn of(token: OperatorToken) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name,
            created_at: token.created_at.to_rfc3339(),
            expires_at: token.expires_at.to_rfc3339(),
            last_used_at: token.last_used_at.map(|at| at.to_rfc3339()),
            revoked_at: token.revoked_at.map(|at| at.to_rfc3339()),
        }
    }
}

/// All tokens of the operators, revoked ones included.
#[utoipa::path(tag = "operator", params(PageQuery), responses((status = 200, body = ListBody<OperatorTokenBody>)))]
#[get("/operator/tokens")]
pub async fn operator_list_tokens(context: web::Data<Context>, request: HttpRequest) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let page = page(&request)?;
        let find = context.store.read(move |tx| Ok::<_, Problem>(admin_tokens::page_of_operators(tx, &op, &page)?));
        Ok(json(StatusCode::OK, &ListBody::of(find.await?, OperatorTokenBody::of)))
    })
    .await
}

/// Revoke a token of an operator, the one that is presented included. It opens nothing from now on.
#[utoipa::path(tag = "operator", params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = ProblemBody)))]
#[delete("/operator/tokens/{id}")]
pub async fn operator_revoke_token(
    context: web::Data<Context>,
    request: HttpRequest,
    path: web::Path<String>,
) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let token = id(&path.into_inner())?;
        let revoke =
            context.store.write(move |tx| Ok::<_, Problem>(admin_tokens::revoke_of_operators(tx, &op, token)?));
        revoke.await?;
        Ok(no_content())
    })
    .await
}
