//! Where customers' identity providers send people back to, and what they are told about us.
//!
//! | Route | |
//! | --- | --- |
//! | `GET /federation/saml/{connection}/metadata` | our metadata for that connection |
//! | `POST /federation/saml/{connection}/acs` | the assertion consumer service |
//! | `GET /federation/saml/{connection}/start` | sign-in that begins at the provider, where the connection allows it |
//! | `GET, POST /federation/saml/{connection}/slo` | messages about signing out |
//! | `GET /federation/oidc/{connection}/callback` | the redirect URI at that connection's OpenID provider |
//! | `GET, POST /federation/oidc/{connection}/initiate` | that provider sends somebody to sign in |
//! | `GET /federation/oidc/{connection}/jwks` | the keys with which we prove there that we are the client |
//! | `POST /federation/oidc/{connection}/backchannel-logout` | that provider says that a session there has ended |
//!
//! They take the answer for the attempt that waits for it and send the browser on, by a redirect on our own site, to
//! where its cookie is looked at, with a token that nobody else gets. A form that is posted from another site brings no cookie along; a callback does, and
//! there it is looked at as well.

pub mod failure;
pub mod initiate;
#[cfg(test)]
mod interleaved;
#[cfg(test)]
pub mod journey;
pub mod logout;
pub mod oidc;
pub mod saml;
pub mod saml_form;
pub mod saml_logout;

use actix_web::web::ServiceConfig;

use crate::http::methods::at;

/// Mounts the routes.
pub fn mount(services: &mut ServiceConfig) {
    let pages = [
        at("/federation/saml/{connection}/metadata").get(saml::metadata),
        at("/federation/saml/{connection}/acs").post(saml::acs),
        at("/federation/saml/{connection}/start").get(saml::start),
        at("/federation/saml/{connection}/slo").get(saml_logout::get).post(saml_logout::post),
        at("/federation/oidc/{connection}/callback").get(oidc::callback),
        at("/federation/oidc/{connection}/initiate").get(initiate::lead).post(initiate::lead),
        at("/federation/oidc/{connection}/jwks").get(oidc::jwks),
    ];
    for page in pages {
        services.service(page.otherwise(failure::other_method));
    }
    services.service(
        at("/federation/oidc/{connection}/backchannel-logout").post(logout::post).otherwise(logout::other_method),
    );
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;
    use actix_web::http::header::CONTENT_TYPE;
    use actix_web::test::TestRequest;

    use crate::access::testing::world;
    use crate::http::federation::journey::connect_saml;
    use crate::http::testing::{context, send};
    use crate::http::throttle::{Rate, Throttle};
    use crate::values::ids::ConnectionId;

    #[actix_web::test]
    async fn oidcc_client_test_form_post_error_an_answer_in_a_form_is_not_taken() {
        for world in world().await {
            let context = context(&world, "https://id.test").await;
            let path = format!("/federation/oidc/{}/callback", world.connection);
            let form =
                TestRequest::post().uri(&path).insert_header((CONTENT_TYPE, "application/x-www-form-urlencoded"));
            let answer = send(&context, form.set_payload("error=access_denied&state=s")).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        }
    }

    /// What nobody has to be known for and what costs a verification or a write: a network has so many of it.
    #[actix_web::test]
    async fn one_network_brings_so_many_answers_and_then_has_to_wait() {
        for world in world().await {
            let id = world.connection.to_string();
            let form = |path: String| {
                TestRequest::post().uri(&path).insert_header((CONTENT_TYPE, "application/x-www-form-urlencoded"))
            };
            let doors: [&dyn Fn() -> TestRequest; 8] = [
                &|| form(format!("/federation/saml/{id}/slo")).set_payload("SAMLRequest=x"),
                &|| TestRequest::get().uri(&format!("/federation/saml/{id}/slo?SAMLRequest=x")),
                &|| form(format!("/federation/saml/{id}/acs")).set_payload("SAMLResponse=x&RelayState=y"),
                &|| TestRequest::get().uri(&format!("/federation/oidc/{id}/callback?code=c&state=s")),
                &|| TestRequest::get().uri(&format!("/federation/oidc/{id}/initiate?iss=x")),
                &|| TestRequest::get().uri(&format!("/sign-in/{id}/continue?answer=a")),
                &|| TestRequest::get().uri("/oauth2/end-session"),
                &|| form("/sign-out".to_owned()),
            ];
            for (number, door) in doors.into_iter().enumerate() {
                let mut context = context(&world, "https://id.test").await;
                context.throttles.answers = Throttle::new(Rate::per_minute(2));
                let from = |address: &str| door().peer_addr(format!("{address}:9").parse().unwrap());
                for _ in 0..2 {
                    assert_ne!(
                        send(&context, from("192.0.2.7")).await.status,
                        StatusCode::TOO_MANY_REQUESTS,
                        "{number}"
                    );
                }
                let refused = send(&context, from("192.0.2.7")).await;
                assert_eq!(
                    (refused.status.as_u16(), refused.header("retry-after").as_deref()),
                    (429, Some("30")),
                    "{number}"
                );
                assert!(refused.text().to_lowercase().contains("wait"), "{number}");
                assert_ne!(send(&context, from("192.0.2.8")).await.status, StatusCode::TOO_MANY_REQUESTS, "{number}");
            }
        }
    }

    /// SAML bindings, 3.5.3: "The value MUST NOT exceed 80 bytes in length". Senders do, a little.
    #[actix_web::test]
    async fn a_relay_state_of_a_sign_out_is_not_longer_than_one_can_be() {
        for world in world().await {
            let context = context(&world, "https://id.test").await;
            let path = format!("/federation/saml/{}/slo", connect_saml(&world).await);
            for (length, is_read) in [(512, true), (513, false)] {
                let form = format!("SAMLRequest=x&RelayState={}", "r".repeat(length));
                let request = TestRequest::post().uri(&path).set_payload(form);
                let request = request.insert_header((CONTENT_TYPE, "application/x-www-form-urlencoded"));
                let answer = send(&context, request).await;
                assert_eq!(
                    (answer.status, answer.text().contains("could not read")),
                    (StatusCode::BAD_REQUEST, !is_read)
                );
            }
        }
    }

    /// Whatever is sent there: a connection that is not there, one of the other protocol, and what is no id at all.
    #[actix_web::test]
    async fn at_no_connection_every_door_answers_as_at_any_address_that_leads_nowhere() {
        for world in world().await {
            let context = context(&world, "https://id.test").await;
            let nobody: ConnectionId = world.op().new_id();
            let saml = connect_saml(&world).await;
            let nowhere = send(&context, TestRequest::get().uri("/nowhere")).await;
            let form = |door: String, text: &'static str| {
                let request = TestRequest::post().uri(&door).set_payload(text);
                request.insert_header((CONTENT_TYPE, "application/x-www-form-urlencoded"))
            };
            let get = |door: String| TestRequest::get().uri(&door);
            for id in [nobody.to_string(), world.connection.to_string(), "x".to_owned()] {
                let door = |name: &str| format!("/federation/saml/{id}/{name}");
                let requests = [
                    get(door("metadata")),
                    get(door("start")),
                    get(door("slo")),
                    get(door("slo?SAMLRequest=x")),
                    form(door("slo"), "SAMLRequest=x"),
                    form(door("slo"), "nothing"),
                    form(door("acs"), "SAMLResponse=x&RelayState=y"),
                    form(door("acs"), "nothing"),
                ];
                for (number, request) in requests.into_iter().enumerate() {
                    let answer = send(&context, request).await;
                    assert_eq!((answer.status.as_u16(), &answer.body), (404, &nowhere.body), "saml {id} {number}");
                }
            }
            for id in [nobody.to_string(), saml.to_string(), "x".to_owned()] {
                let door = |name: &str| format!("/federation/oidc/{id}/{name}");
                let requests = [
                    get(door("jwks")),
                    get(door("callback")),
                    get(door("callback?code=c&state=s")),
                    get(door("initiate")),
                    form(door("initiate"), "iss=x"),
                ];
                for (number, request) in requests.into_iter().enumerate() {
                    let answer = send(&context, request).await;
                    assert_eq!((answer.status.as_u16(), &answer.body), (404, &nowhere.body), "oidc {id} {number}");
                }
            }
            let known = send(&context, form(format!("/federation/saml/{saml}/acs"), "nothing")).await;
            assert_eq!(known.status, StatusCode::BAD_REQUEST, "at one that is there it is said what was wrong");
        }
    }

    #[actix_web::test]
    async fn one_network_begins_so_many_sign_ins_at_a_provider_and_then_has_to_wait() {
        for world in world().await {
            let mut context = context(&world, "https://id.test").await;
            context.throttles.authorize = Throttle::new(Rate::per_minute(1));
            let path = format!("/federation/saml/{}/start", world.connection);
            let begin = || send(&context, TestRequest::get().uri(&path));
            assert_ne!(begin().await.status, StatusCode::TOO_MANY_REQUESTS);
            assert_eq!(begin().await.status, StatusCode::TOO_MANY_REQUESTS);
        }
    }
}
