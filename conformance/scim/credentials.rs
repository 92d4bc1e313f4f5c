//! How a SCIM client proves itself, from outside, on both engines: with a secret, with an assertion of its own, with an
//! assertion of somebody else; what its scope lets it do; and that a revocation holds at once.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use causeway::protocol::oidc::signing::{SigningAlgorithm, SigningKey, TokenType};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::engine::Engine;
use crate::support::http::{Answer, Api, client};
use crate::support::key_server::KeyServer;
use crate::support::organization::{Organization, text};
use crate::support::server::TestServer;
use crate::support::settings::Settings;

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ISSUER: &str = "https://login.example.test/tenant/v2.0";
const SUBJECT: &str = "the-provisioning-service";
const AUDIENCE: &str = "api://b5ba7a93-4452-4522-aeb4-a2b5da870c16";

/// An organization with a SCIM client.
struct World {
    server: TestServer,
    acme: Organization,
    client: String,
}

impl World {
    async fn start(engine: Engine, choose: impl FnOnce(&mut Settings)) -> Self {
        let server = TestServer::start(engine, choose).await;
        let acme = Organization::create(&server.operator(), "acme", "Acme").await;
        let made = acme.api.post("/scim-clients", json!({ "name": "directory" })).await.expect(201);
        Self { client: text(&made, "id"), server, acme }
    }

    fn credentials(&self) -> String {
        format!("/scim-clients/{}/credentials", self.client)
    }

    async fn add(&self, body: Value) -> Value {
        self.acme.api.post(&self.credentials(), body).await.expect(201)
    }

    async fn revoke(&self, credential: &Value) {
        self.acme.api.delete(&format!("{}/{}", self.credentials(), text(credential, "id"))).await.expect(204);
    }

    /// A token request with these parameters besides the grant type.
    async fn ask(&self, parameters: &[(&str, &str)]) -> Answer {
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(parameters);
        let request = client().post(format!("{}/oauth2/token", self.server.url)).form(&form);
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status(), answer.headers().clone());
        Answer { status, headers, body: answer.json().await.expect("JSON") }
    }

    async fn ask_with_secret(&self, secret: &str, scope: &str) -> Answer {
        self.ask(&[("client_id", &self.client), ("client_secret", secret), ("scope", scope)]).await
    }

    async fn ask_with_assertion(&self, assertion: &str) -> Answer {
        let parameters = [
            ("client_id", self.client.as_str()),
            ("client_assertion_type", ASSERTION),
            ("client_assertion", assertion),
        ];
        self.ask(&parameters).await
    }

    fn scim(&self, token: &str) -> Api {
        Api::scim(&format!("{}/scim/v2/acme", self.server.url), token)
    }

    /// The status of a read with this token.
    async fn reads(&self, token: &str) -> u16 {
        self.scim(token).get("/Users").await.status.as_u16()
    }

    fn now(&self) -> i64 {
        self.server.clock.clock().now().seconds()
    }
}

/// RFC 6749, 5.1 and 5.2: what is secret is not kept by a cache.
fn token(answer: Answer) -> String {
    assert_eq!(answer.headers["cache-control"], "no-store");
    let body = answer.expect(200);
    assert_eq!(body["token_type"], "Bearer");
    assert!(body.get("refresh_token").is_none(), "RFC 6749, 4.4.3");
    text(&body, "access_token")
}

fn refused(answer: Answer, status: u16, error: &str) {
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.expect(status)["error"], error);
}

fn user(name: &str) -> Value {
    json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name })
}

/// A client's own key pair.
fn key(kid: &str) -> SigningKey {
    let random = aws_lc_rs::rand::SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key pair");
    SigningKey::from_pkcs8(kid, SigningAlgorithm::Es256, pkcs8.as_ref()).expect("a signing key")
}

fn jwk(key: &SigningKey) -> Value {
    serde_json::to_value(key.public_jwk().expect("a public key")).expect("JSON")
}

/// RFC 6749, 4.4: a secret gives a token that opens the door; both end at once with the credential.
#[tokio::test(flavor = "multi_thread")]
async fn rfc6749_4_4_a_secret_gives_a_token_and_a_revocation_ends_it_at_once() {
    for engine in Engine::ALL {
        let world = World::start(engine, |_| {}).await;
        let first = world.add(json!({ "kind": "client_secret" })).await;
        let second = world.add(json!({ "kind": "client_secret" })).await;
        assert_eq!(text(&first, "client_id"), world.client);
        assert_eq!(text(&first, "token_endpoint"), format!("{}/oauth2/token", world.server.url));
        let (one, two) = (text(&first, "client_secret"), text(&second, "client_secret"));
        let answer = world.ask_with_secret(&one, "scim").await;
        assert_eq!((answer.body["expires_in"].as_i64(), &answer.body["scope"]), (Some(3_600), &json!("write")));
        let (one, two) = (token(answer), token(world.ask_with_secret(&two, "").await));
        assert_eq!((world.reads(&one).await, world.reads(&two).await), (200, 200));
        world.revoke(&first).await;
        assert_eq!((world.reads(&one).await, world.reads(&two).await), (401, 200), "{engine:?}");
        let secret = text(&first, "client_secret");
        refused(world.ask_with_secret(&secret, "").await, 401, "invalid_client");
        world.acme.api.delete(&format!("/scim-clients/{}", world.client)).await.expect(204);
        assert_eq!(world.reads(&two).await, 401);
        world.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_proves_nothing_hears_one_answer_and_a_secret_opens_no_door() {
    for engine in Engine::ALL {
        let world = World::start(engine, |_| {}).await;
        let made = world.add(json!({ "kind": "client_secret" })).await;
        let bearer = world.add(json!({})).await;
        let (secret, bearer) = (text(&made, "client_secret"), text(&bearer, "token"));
        let nobody = "01900000-0000-7000-8000-000000000000";
        for parameters in [
            vec![("client_id", world.client.as_str())],
            vec![("client_id", &world.client), ("client_secret", "cw_secret_wrong")],
            vec![("client_id", &world.client), ("client_secret", &bearer)],
            vec![("client_id", nobody), ("client_secret", &secret)],
            vec![("client_id", "directory"), ("client_secret", &secret)],
            vec![("client_id", &world.client), ("client_assertion_type", ASSERTION), ("client_assertion", "x")],
        ] {
            let answer = world.ask(&parameters).await;
            assert!(answer.headers.contains_key("www-authenticate"), "RFC 6749, 5.2");
            refused(answer, 401, "invalid_client");
        }
        assert_eq!(world.reads(&secret).await, 401);
        let basic =
            client().post(format!("{}/oauth2/token", world.server.url)).basic_auth(&world.client, Some(&secret));
        let answer = basic.form(&[("grant_type", "client_credentials")]).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        world.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_is_narrowed_on_request_and_a_reader_does_not_write() {
    for engine in Engine::ALL {
        let world = World::start(engine, |_| {}).await;
        let writer = world.add(json!({ "kind": "client_secret" })).await;
        let reader = text(&world.add(json!({ "scope": "read" })).await, "token");
        let narrowed = token(world.ask_with_secret(&text(&writer, "client_secret"), "read").await);
        let wide = token(world.ask_with_secret(&text(&writer, "client_secret"), "read write").await);
        refused(world.ask_with_secret(&text(&writer, "client_secret"), "replica").await, 400, "invalid_scope");
        let made = world.scim(&wide).post("/Users", user("ada")).await.expect(201);
        let one = format!("/Users/{}", text(&made, "id"));
        for token in [&reader, &narrowed] {
            let scim = world.scim(token);
            scim.get(&one).await.expect(200);
            let refused = scim.post("/Users", user("bob")).await.expect(403);
            assert_eq!((&refused["status"], refused.get("scimType")), (&json!("403"), None));
            scim.delete(&one).await.expect(403);
        }
        let refused = world.acme.api.post(&world.credentials(), json!({ "scope": "replica" })).await;
        assert_eq!(refused.expect(400)["code"], "scope_not_givable");
        let operator = Api::new(&world.acme.api.base, world.server.operator().token());
        let made = operator.post(&world.credentials(), json!({ "scope": "replica" })).await.expect(201);
        assert_eq!(made["scope"], "replica");
        world.server.stop().await;
    }
}

/// RFC 7523, 2.2 and 3: signed by the client, for this gateway, for ten minutes at most, and once.
#[tokio::test(flavor = "multi_thread")]
async fn rfc7523_2_2_an_own_assertion_gives_one_token() {
    for engine in Engine::ALL {
        let world = World::start(engine, |_| {}).await;
        let key = key("k1");
        let made = world.add(json!({ "kind": "private_key_jwt", "jwks": { "keys": [jwk(&key)] } })).await;
        assert!(made.get("token").is_none() && made.get("client_secret").is_none(), "{made:#}");
        let now = world.now();
        let claims = |id: &str| {
            json!({
                "iss": world.client, "sub": world.client, "aud": world.server.url,
                "iat": now, "exp": now + 300, "jti": id,
            })
        };
        let sign = |claims: &Value| key.sign(TokenType::IdToken, claims).expect("a signature");
        let once = sign(&claims("one"));
        let opens = token(world.ask_with_assertion(&once).await);
        assert_eq!(world.reads(&opens).await, 200);
        refused(world.ask_with_assertion(&once).await, 401, "invalid_client");
        let with = |name: &str, value: Value| {
            let mut claims = claims("other");
            claims[name] = value;
            sign(&claims)
        };
        for bad in [
            with("jti", Value::Null),
            with("exp", json!(now + 3_600)),
            with("exp", json!(now - 600)),
            with("aud", json!(["https://elsewhere.test", world.server.url])),
            with("aud", json!([world.server.url])),
            with("aud", json!(format!("{}/oauth2/token", world.server.url))),
            with("sub", json!("01900000-0000-7000-8000-000000000000")),
            with("iss", json!("https://elsewhere.test")),
            self::key("k1").sign(TokenType::IdToken, &claims("other")).expect("a signature"),
        ] {
            refused(world.ask_with_assertion(&bad).await, 401, "invalid_client");
        }
        // None of those used the id up.
        token(world.ask_with_assertion(&sign(&claims("other"))).await);
        world.revoke(&made).await;
        refused(world.ask_with_assertion(&sign(&claims("late"))).await, 401, "invalid_client");
        assert_eq!(world.reads(&opens).await, 401);
        world.server.stop().await;
    }
}

/// What Entra ID's "Workload Identity Federation for SCIM provisioning" sends: its own token for 65 minutes, without a
/// `jti`, and `scope=scim`; its keys are published and roll over.
#[tokio::test(flavor = "multi_thread")]
async fn a_workload_identity_is_believed_with_the_keys_that_its_issuer_publishes() {
    for engine in Engine::ALL {
        let world = World::start(engine, |_| {}).await;
        let (old, new) = (key("old"), key("new"));
        let keys = KeyServer::start(&[jwk(&old)]).await;
        let made = json!({
            "kind": "workload_identity", "jwks_uri": keys.url, "issuer": ISSUER, "subject": SUBJECT, "audience": AUDIENCE,
        });
        let made = world.add(made).await;
        let now = world.now();
        let claims = json!({
            "aud": AUDIENCE, "iss": ISSUER, "sub": SUBJECT, "iat": now, "nbf": now, "exp": now + 3_900, "ver": "2.0",
        });
        let assertion = old.sign(TokenType::IdToken, &claims).expect("a signature");
        for _ in 0..2 {
            let opens = token(world.ask_with_assertion(&assertion).await);
            assert_eq!(world.reads(&opens).await, 200);
        }
        assert_eq!(keys.fetched(), 1, "{engine:?}: keys are fetched when the credential is made, and kept");
        keys.publish(&[jwk(&old), jwk(&new)]);
        let rolled = new.sign(TokenType::IdToken, &claims).expect("a signature");
        let opens = token(world.ask_with_assertion(&rolled).await);
        assert_eq!((world.reads(&opens).await, keys.fetched()), (200, 2));
        for (name, value) in [
            ("aud", json!(world.server.url)),
            ("iss", json!("https://login.example.test/other/v2.0")),
            ("sub", json!("somebody-else")),
            ("exp", json!(now + 3 * 24 * 3_600)),
        ] {
            let mut claims = claims.clone();
            claims[name] = value;
            let bad = new.sign(TokenType::IdToken, &claims).expect("a signature");
            refused(world.ask_with_assertion(&bad).await, 401, "invalid_client");
        }
        let unknown = key("unknown");
        for _ in 0..5 {
            let bad = unknown.sign(TokenType::IdToken, &claims).expect("a signature");
            refused(world.ask_with_assertion(&bad).await, 401, "invalid_client");
        }
        assert_eq!(keys.fetched(), 2, "unknown keys do not make the gateway hammer the issuer");
        world.revoke(&made).await;
        assert_eq!(world.reads(&opens).await, 401);
        world.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_could_never_be_used_are_not_registered() {
    for engine in Engine::ALL {
        let world = World::start(engine, |settings| settings.allows_loopback = false).await;
        let register = async |more: Value| {
            let mut body = json!({ "kind": "private_key_jwt" });
            body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            let answer = world.acme.api.post(&world.credentials(), body).await;
            (answer.status.as_u16(), text(&answer.body, "code"))
        };
        let refused = |status: u16, code: &str| (status, code.to_owned());
        assert_eq!(register(json!({})).await, refused(400, "invalid_credential"));
        assert_eq!(register(json!({ "jwks": { "keys": [] } })).await, refused(400, "invalid_keys"));
        let mut private = jwk(&key("k"));
        private["d"] = json!("AAAA");
        assert_eq!(register(json!({ "jwks": { "keys": [private] } })).await, refused(400, "invalid_keys"));
        for inside in ["https://127.0.0.1/keys", "https://169.254.169.254/keys", "http://example.com/keys"] {
            assert_eq!(register(json!({ "jwks_uri": inside })).await, refused(400, "invalid_keys"), "{inside}");
        }
        let none = world.acme.api.get(&world.credentials()).await.expect(200);
        assert_eq!(none["items"], json!([]));
        world.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_ends_with_its_hour_and_a_use_is_shown() {
    for engine in Engine::ALL {
        let world = World::start(engine, |_| {}).await;
        let made = world.add(json!({ "kind": "client_secret", "ttl_seconds": 40 * 24 * 3600 })).await;
        assert_eq!((&made["state"], made.get("last_used_at")), (&json!("live"), None));
        let opens = token(world.ask_with_secret(&text(&made, "client_secret"), "").await);
        world.server.clock.advance_seconds(3_500);
        assert_eq!(world.reads(&opens).await, 200);
        world.server.clock.advance_seconds(200);
        assert_eq!(world.reads(&opens).await, 401);
        let shown = world.acme.api.get(&world.credentials()).await.expect(200);
        assert!(shown["items"][0]["last_used_at"].is_string(), "{shown:#}");
        world.server.clock.advance_seconds(11 * 24 * 3600);
        let shown = world.acme.api.get(&world.credentials()).await.expect(200);
        assert_eq!(shown["items"][0]["state"], "expires_soon");
        let secrets = ["cw_secret_", "cw_access_"];
        let log = world.acme.audit("scim_").await;
        assert!(log.iter().any(|entry| entry["action"] == "scim_access_token.issued"));
        assert!(log.iter().all(|entry| secrets.iter().all(|secret| !entry.to_string().contains(secret))), "{log:#?}");
        world.server.stop().await;
    }
}
