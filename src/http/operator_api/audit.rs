//! `GET /api/v1/operator/audit`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, web};
use utoipa::OpenApi;

use crate::directory::audit;
use crate::http::admin_api::audit::EntryBody;
use crate::http::admin_api::caller::authenticate;
use crate::http::admin_api::reply::{ListBody, PageQuery, answer, json, page};
use crate::http::context::Context;
use crate::http::problem::Problem;

/// The operations of this file, for the document.
#[derive(OpenApi)]
#[openapi(paths(operator_list_audit_entries))]
pub struct Document;

/// The audit log of what belongs to no organization: the gateway's keys, the operators' tokens and applications. Newest entry
/// first.
#[utoipa::path(tag = "operator", params(PageQuery), responses((status = 200, body = ListBody<EntryBody>)))]
#[get("/operator/audit")]
pub async fn operator_list_audit_entries(context: web::Data<Context>, request: HttpRequest) -> HttpResponse {
    answer(&request, async {
        let op = authenticate(&context, &request).await?;
        let page = page(&request)?;
        let find = context.store.read(move |tx| Ok::<_, Problem>(audit::page_of_operators(tx, &op, &page)?));
        Ok(json(StatusCode::OK, &ListBody::of(find.await?, EntryBody::of)))
    })
    .await
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use crate::access::testing::world;
    use crate::directory::admin_tokens;
    use crate::http::testing::{context, send};

    #[actix_web::test]
    async fn invariant_19_what_belongs_to_no_organization_can_be_read_by_operators_page_by_page() {
        for world in world().await {
            let context = context(&world, "https://id.test").await;
            world.advance(1);
            let op = world.operator();
            let made = world.store().write(move |tx| {
                admin_tokens::create_for_operator(tx, &op, "laptop", 100)?;
                admin_tokens::create_for_operator(tx, &op, "desk", 100)
            });
            let bearer = format!("Bearer {}", made.await.unwrap().expose());
            let read = |query: String| {
                let request = TestRequest::get().uri(&format!("/api/v1/operator/audit?{query}"));
                send(&context, request.insert_header(("Authorization", bearer.clone())))
            };
            let all = read(String::new()).await.json()["items"].as_array().unwrap().clone();
            let told = |action: &str| all.iter().filter(|entry| entry["action"] == action).count();
            assert_eq!((told("admin_token.created"), told("organization.created")), (2, 0), "{all:#?}");
            assert!(told("signing_key.created") > 0, "{all:#?}");
            assert_eq!((&all[0]["detail"]["name"], &all[0]["actor"]), (&"desk".into(), &"operator".into()));
            let first = read("limit=1".to_owned()).await.json();
            let second = read(format!("limit=1&after={}", first["next"].as_str().unwrap())).await.json();
            assert_eq!((&first["items"][0], &second["items"][0]), (&all[0], &all[1]), "{}", world.engine());
        }
    }
}
