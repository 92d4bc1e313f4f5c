//! The door over a small world, for what a signed-in person asks of it. Each test runs on both engines.

use std::sync::Arc;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use crate::access::attempts::state::Identified;
use crate::access::sessions;
use crate::access::testing::{REDIRECT_URI, World, world};
use crate::config::limits::Limits;
use crate::directory::accounts;
use crate::http::context::Context;
use crate::http::scim::admission::Admission;
use crate::http::testing::{Answer, context, send};
use crate::protocol::oidc::signing::{SigningAlgorithm, TokenType};
use crate::protocol::scim::document;
use crate::protocol::scim::limits::Limits as ScimLimits;
use crate::protocol::scim::resource_type;
use crate::protocol::scim::tolerance::Profile;
use crate::protocol::scim::validation::Rules;
use crate::provisioning::clients::credentials::{self, NewCredential};
use crate::provisioning::clients::kind::CredentialKind;
use crate::provisioning::clients::{self, ScimClientError};
use crate::provisioning::users;
use crate::store::failure::StoreError;
use crate::store::scim_events;
use crate::values::page::PageRequest;
use crate::values::quota::Quota;
use crate::values::scim_scope::ScimScope;
use crate::values::secret::Secret;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// Ada, provisioned and signed in, and a SCIM client of her organization.
struct Stage {
    world: World,
    context: Context,
    session: Secret,
    scim_token: Secret,
    user: String,
}

async fn stages() -> Vec<Stage> {
    let mut stages = Vec::new();
    for world in world().await {
        let context = context(&world, "https://id.test").await;
        let (op, organization) = (world.operator(), world.organization);
        let (account, connection) = (world.ada, world.connection);
        let written = world.store().write(move |tx| {
            let identified = Identified {
                account,
                organization,
                connection: Some(connection),
                session_epoch: 1,
                amr: vec!["pwd".to_owned()],
                acr: "1".to_owned(),
                auth_time: Some(op.at),
                session_expires_at: None,
                upstream_session: None,
            };
            let limits = sessions::Limits { idle_seconds: 3_600, absolute_seconds: 36_000 };
            let (_, session) = sessions::start(tx, &op, &identified, limits)?;
            let (profile, quota) = (Profile::Standard, Quota::default());
            let client = clients::create(tx, &op, organization, "directory", profile, &quota).unwrap();
            let new = NewCredential { kind: CredentialKind::Bearer, scope: ScimScope::Write, ttl_seconds: 60_000 };
            let made = credentials::create(tx, &op, organization, client.id, &new, &quota).unwrap();
            let token = made.1.unwrap();
            let rules = Rules::new(profile.tolerance(), ScimLimits::default());
            let body = json!({ "schemas": [USER], "userName": "ada@acme.test", "title": "Countess" });
            let read = document::read(body.as_object().unwrap().clone(), resource_type::user(), &rules);
            let draft = users::draft(read.unwrap().document, resource_type::user()).unwrap();
            let user = users::create(tx, &op, organization, &draft).unwrap();
            Ok::<_, StoreError>((session, token, user.id.to_string()))
        });
        let (session, scim_token, user) = written.await.unwrap();
        stages.push(Stage { world, context, session, scim_token, user });
    }
    stages
}

impl Stage {
    /// An access token with this scope, from the front door.
    async fn access_token(&self, scope: &str) -> String {
        let form =
            |pairs: &[(&str, &str)]| url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let client = self.world.application.to_string();
        let asked = form(&[
            ("client_id", &client),
            ("redirect_uri", REDIRECT_URI),
            ("response_type", "code"),
            ("scope", scope),
            ("state", "s"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ]);
        let cookie = ("Cookie", format!("__Host-causeway-us-session={}", self.session.expose()));
        let uri = format!("/oauth2/authorize?{asked}");
        let back = send(&self.context, TestRequest::get().uri(&uri).insert_header(cookie)).await;
        let back: url::Url = back.header("location").unwrap().parse().unwrap();
        let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        let redeemed = form(&[
            ("grant_type", "authorization_code"),
            ("client_id", &client),
            ("code", &code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ]);
        let content_type = ("Content-Type", "application/x-www-form-urlencoded");
        let request = TestRequest::post().uri("/oauth2/token").insert_header(content_type).set_payload(redeemed);
        send(&self.context, request).await.json()["access_token"].as_str().unwrap().to_owned()
    }

    async fn me(&self, method: Method, organization: &str, token: &str) -> Answer {
        let request = TestRequest::with_uri(&format!("/scim/v2/{organization}/Me")).method(method);
        send(&self.context, request.insert_header(("Authorization", format!("Bearer {token}")))).await
    }

    async fn revoke_scim_credentials(&self) {
        let (op, organization) = (self.world.operator(), self.world.organization);
        let written = self.world.store().write(move |tx| {
            for client in clients::page(tx, &op, organization, &PageRequest::new(None, None).unwrap())?.items {
                for known in credentials::list(tx, &op, organization, client.id)? {
                    credentials::revoke(tx, &op, organization, client.id, known.id)?;
                }
            }
            Ok::<_, ScimClientError>(())
        });
        written.await.unwrap();
    }

    async fn deactivate(&self) {
        let (op, organization, account) = (self.world.operator(), self.world.organization, self.world.ada);
        self.world.store().write(move |tx| accounts::deactivate(tx, &op, organization, account)).await.unwrap();
    }
}

#[actix_web::test]
async fn rfc7644_3_11_a_person_reads_their_own_user() {
    for stage in stages().await {
        let token = stage.access_token("openid profile").await;
        let answer = stage.me(Method::GET, "acme", &token).await;
        assert_eq!(answer.status, 200, "{}: {}", stage.world.engine(), answer.text());
        let place = format!("https://id.test/scim/v2/acme/Users/{}", stage.user);
        assert_eq!(answer.header("location").as_deref(), Some(place.as_str()));
        assert_eq!(answer.header("content-location").as_deref(), Some(place.as_str()));
        assert_eq!(answer.header("etag").as_deref(), Some("W/\"1\""));
        let body = answer.json();
        assert_eq!((&body["id"], &body["title"]), (&json!(stage.user), &json!("Countess")));
        assert_eq!(body["meta"]["location"], json!(place));
        stage.deactivate().await;
        assert_eq!(stage.me(Method::GET, "acme", &token).await.status, 401, "deactivation ends it at once");
    }
}

#[actix_web::test]
async fn rfc7644_3_11_nobody_else_is_anybody() {
    for stage in stages().await {
        let status = async |organization: &str, token: &str| stage.me(Method::GET, organization, token).await.status;
        let token = stage.access_token("openid profile").await;
        assert_eq!(status("acme", stage.scim_token.expose()).await, 501, "a client is no person");
        assert_eq!(status("globex", &token).await, 404, "another organization's path");
        assert_eq!(status("nobody", &token).await, 404);
        assert_eq!(status("acme", &stage.access_token("openid email").await).await, 403, "without the scope");
        assert_eq!(status("acme", &token[..token.len() - 2]).await, 401);
        assert_eq!(status("acme", "x").await, 401);
        for method in [Method::PUT, Method::PATCH, Method::DELETE, Method::POST] {
            let answer = stage.me(method, "acme", &token).await;
            assert_eq!((answer.status.as_u16(), answer.header("allow").as_deref()), (405, Some("GET, HEAD")));
        }
        let users =
            TestRequest::get().uri("/scim/v2/acme/Users").insert_header(("Authorization", format!("Bearer {token}")));
        assert_eq!(send(&stage.context, users).await.status, 401, "a person's token opens nothing else");
    }
}

#[actix_web::test]
async fn a_token_is_presented_as_a_bearers_and_once() {
    for stage in stages().await {
        let token = stage.scim_token.expose();
        let users = || TestRequest::get().uri("/scim/v2/acme/Users");
        let bearer = |scheme: &str| ("Authorization", format!("{scheme} {token}"));
        for scheme in ["Bearer", "bearer"] {
            assert_eq!(send(&stage.context, users().insert_header(bearer(scheme))).await.status, 200, "{scheme}");
        }
        for scheme in ["Basic", "Bearers", ""] {
            assert_eq!(send(&stage.context, users().insert_header(bearer(scheme))).await.status, 401, "{scheme}");
        }
        let twice = users().append_header(bearer("Bearer")).append_header(bearer("Bearer"));
        for malformed in [twice, users().insert_header(("Authorization", "Bearer"))] {
            let refused = send(&stage.context, malformed).await;
            assert_eq!((refused.status.as_u16(), refused.json()["status"].as_str()), (400, Some("400")));
        }
    }
}

/// Whoever floods the gateway costs the store nothing: a client over its rate is not looked up, so it does not hear either
/// that its token has ended.
#[actix_web::test]
async fn a_client_over_its_rate_is_refused_before_the_store_is_asked() {
    for mut stage in stages().await {
        let limits = Limits { scim_burst: 1, scim_requests_per_second: 1, ..stage.context.config.limits.clone() };
        stage.context.throttles.scim = Arc::new(Admission::new(&limits));
        let bearer = ("Authorization", format!("Bearer {}", stage.scim_token.expose()));
        let ask = async || {
            send(&stage.context, TestRequest::get().uri("/scim/v2/acme/Users").insert_header(bearer.clone()))
                .await
                .status
        };
        assert_eq!((ask().await.as_u16(), ask().await.as_u16()), (200, 429));
        stage.revoke_scim_credentials().await;
        assert_eq!(ask().await, 429);
        stage.world.advance(10);
        assert_eq!(ask().await, 401);
    }
}

#[actix_web::test]
async fn a_head_is_recorded_as_what_it_was() {
    for stage in stages().await {
        let path = "/scim/v2/acme/Users/01900000-0000-7000-8000-000000000000";
        let bearer = ("Authorization", format!("Bearer {}", stage.scim_token.expose()));
        let request = TestRequest::default().method(Method::HEAD).uri(path).insert_header(bearer);
        let answer = send(&stage.context, request).await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (404, 0), "{}", stage.world.engine());
        let log = stage.context.request_log.drain_all().exchanges;
        let told: Vec<_> = log.iter().map(|one| (one.method.as_str(), one.status, one.response.len())).collect();
        assert_eq!(told, [("HEAD", 404, 0)], "{}", stage.world.engine());
    }
}

#[actix_web::test]
async fn rfc7644_3_8_whoever_takes_no_json_is_told_so() {
    for stage in stages().await {
        let status = async |accept: &str| {
            let authorization = ("Authorization", format!("Bearer {}", stage.scim_token.expose()));
            let request = TestRequest::get().uri("/scim/v2/acme/Users").insert_header(authorization);
            let answer = send(&stage.context, request.insert_header(("Accept", accept))).await;
            assert_eq!(answer.header("content-type").as_deref(), Some("application/scim+json"));
            answer.status
        };
        assert_eq!(status("application/json").await, 200);
        assert_eq!(status("application/xml").await, 406);
    }
}

#[actix_web::test]
async fn rfc8417_an_event_signed_by_the_gateway_is_checked_by_others_with_its_published_keys() {
    for stage in stages().await {
        let (organization, now) = (stage.world.organization, stage.world.op().at);
        let keys = stage.context.signing_keys.clone();
        let (rows, keys) = stage
            .world
            .store()
            .read(move |tx| Ok::<_, StoreError>((scim_events::all(tx, organization)?, keys.oidc(tx, now)?)))
            .await
            .unwrap();
        let mut claims: Value = serde_json::from_str(&rows[0].claims).unwrap();
        claims["iss"] = json!(stage.context.issuer());
        claims["aud"] = json!("https://receiver.test");
        let token = keys.signer(SigningAlgorithm::Es256).sign(TokenType::SecurityEvent, &claims).unwrap();

        // From here on with nothing but what the gateway publishes and a library that knows nothing of it.
        let published = send(&stage.context, TestRequest::get().uri("/oauth2/jwks")).await.json();
        let published: jsonwebtoken::jwk::JwkSet = serde_json::from_value(published).unwrap();
        let header = jsonwebtoken::decode_header(&token).unwrap();
        assert_eq!(header.typ.as_deref(), Some("secevent+jwt"), "RFC 8417, section 2.3");
        let key = published.find(&header.kid.unwrap()).unwrap();
        let mut validation = jsonwebtoken::Validation::new(header.alg);
        validation.set_audience(&["https://receiver.test"]);
        validation.set_issuer(&["https://id.test"]);
        // "A SET ... the 'exp' claim ... NOT RECOMMENDED" (RFC 8417, section 2.2).
        validation.set_required_spec_claims(&["iss", "aud"]);
        let key = jsonwebtoken::DecodingKey::from_jwk(key).unwrap();
        let read = jsonwebtoken::decode::<Value>(&token, &key, &validation).unwrap().claims;
        assert_eq!(read, claims, "{}", stage.world.engine());
        for required in ["iss", "iat", "jti", "txn", "sub_id", "events"] {
            assert!(read.get(required).is_some(), "{required}");
        }
        assert!(read.get("sub").is_none() && read.get("exp").is_none());
        assert_eq!(read["sub_id"]["uri"], json!(format!("/Users/{}", stage.user)));
        // It cannot pass for an access token.
        assert_eq!(stage.me(Method::GET, "acme", &token).await.status, 401);
    }
}
