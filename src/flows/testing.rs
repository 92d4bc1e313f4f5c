//! The way outside, for tests, and a dishonest OpenID provider on a free port of this machine: it signs and answers what a
//! test tells it to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::http::header::AUTHORIZATION;
use actix_web::web::{self, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use crate::access::testing::World;
use crate::directory::relying_party::RelyingParty;
use crate::directory::service_provider::ServiceProvider;
use crate::flows::outside::Outside;
use crate::flows::sign_in_by_saml::verifier::{self, Verifier};
use crate::keys::ring::KeyRing;
use crate::keys::sealing::Sealer;
use crate::outbound::address::Reach;
use crate::outbound::dns::Dns;
use crate::outbound::http_client::{self, HttpClient};
use crate::outbound::idp::IdpClient;
use crate::outbound::key_sets::KeySets;
use crate::protocol::oidc::client_keys::ClientKeySet;
use crate::protocol::oidc::relying_party::dishonest::{KEYS, OTHER_KEYS, document, metadata};
use crate::protocol::oidc::relying_party::userinfo::SIGNED;
use crate::values::secret::Secret;

/// The way outside of a gateway that may call this machine.
pub fn outside() -> Outside {
    let sealer = Sealer::new(&[Secret::from(STANDARD.encode([1; 32]))]).unwrap();
    let keys = KeyRing::new(sealer.clone());
    let settings = http_client::Settings { reach: Reach::PublicAndLoopback, ..http_client::Settings::default() };
    let client = HttpClient::new(settings).unwrap();
    let ours: Url = "https://id.test".parse().unwrap();
    Outside {
        dns: Dns::new(&[], Duration::from_secs(1)).unwrap(),
        idp: IdpClient::new(client.clone()),
        client_keys: KeySets::new(client, ClientKeySet::parse),
        relying_party: RelyingParty::new(ours.clone(), keys.clone()),
        service_provider: ServiceProvider::new(ours, keys.clone()),
        verifier: Verifier::new(verifier::Settings::default()),
        keys,
        sealer,
    }
}

/// What the provider does, which a test changes to make it dishonest.
pub struct Script {
    /// The public keys it shows.
    pub jwks: Vec<Value>,
    /// The claims it signs; a test fills `nonce` in.
    pub claims: Value,
    /// What it says at UserInfo.
    pub userinfo: Value,
    /// It signs what it says there.
    pub signs_userinfo: bool,
    /// What it was asked to redeem, and the header with it.
    pub redeemed: Option<HashMap<String, String>>,
    /// How often its keys were fetched.
    pub key_fetches: usize,
    /// It signs with keys that it does not show.
    pub signs_with_other_keys: bool,
    /// The code of RFC 6749 with which it refuses to redeem anything.
    pub refuses_with: Option<&'static str>,
    /// The ways of authentication that it lists.
    pub methods: Vec<&'static str>,
}

/// The provider.
pub struct Provider {
    /// Its issuer.
    pub issuer: String,
    /// What it does.
    pub script: Arc<Mutex<Script>>,
}

async fn answer(request: HttpRequest, body: String, script: Data<Mutex<Script>>) -> HttpResponse {
    let mut script = script.lock().unwrap();
    let (path, host) = (request.path().to_owned(), request.connection_info().host().to_owned());
    let keys = if script.signs_with_other_keys { &*OTHER_KEYS } else { &*KEYS };
    let header = json!({ "alg": "ES256", "kid": "k1" });
    if let Some(place) = path.strip_suffix("/.well-known/openid-configuration") {
        let base = format!("http://{host}{place}");
        let mut metadata = metadata(&base);
        metadata["userinfo_endpoint"] = format!("{base}/userinfo").into();
        metadata["authorization_response_iss_parameter_supported"] = true.into();
        metadata["claims_parameter_supported"] = true.into();
        metadata["token_endpoint_auth_methods_supported"] = script.methods.clone().into();
        return HttpResponse::Ok().json(metadata);
    }
    match path.rsplit('/').next().unwrap_or_default() {
        "jwks" => {
            script.key_fetches += 1;
            HttpResponse::Ok().body(document(&script.jwks))
        }
        "token" => {
            let mut redeemed: HashMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            let proof = request.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
            redeemed.extend(proof.map(|proof| ("authorization".to_owned(), proof)));
            script.redeemed = Some(redeemed);
            let id_token = keys.sign(&header, &script.claims);
            if let Some(code) = script.refuses_with {
                return HttpResponse::BadRequest().json(json!({ "error": code }));
            }
            HttpResponse::Ok().json(json!({ "access_token": "at", "token_type": "Bearer", "id_token": id_token }))
        }
        "userinfo" if script.signs_userinfo => {
            HttpResponse::Ok().content_type(SIGNED).body(keys.sign(&header, &script.userinfo))
        }
        "userinfo" => HttpResponse::Ok().json(&script.userinfo),
        _ => HttpResponse::NotFound().finish(),
    }
}

impl Provider {
    /// One whose issuer ends with `place`, and that speaks of somebody whose `sub` is `u1`.
    pub fn start(world: &World, place: &str) -> Self {
        let script = Script {
            jwks: vec![KEYS.ec_jwk("k1")],
            claims: json!({}),
            userinfo: json!({ "sub": "u1", "email": "ada@acme.test", "email_verified": true }),
            signs_userinfo: false,
            redeemed: None,
            key_fetches: 0,
            signs_with_other_keys: false,
            refuses_with: None,
            methods: vec!["client_secret_basic", "client_secret_post", "private_key_jwt"],
        };
        let script = Arc::new(Mutex::new(script));
        let data: Data<Mutex<Script>> = Data::from(Arc::clone(&script));
        let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(web::to(answer)))
            .workers(1)
            .bind(("127.0.0.1", 0))
            .unwrap();
        let issuer = format!("http://127.0.0.1:{}{place}", server.addrs()[0].port());
        actix_web::rt::spawn(server.run());
        let now = world.op().at.seconds();
        script.lock().unwrap().claims = json!({
            "iss": issuer, "sub": "u1", "aud": "causeway", "iat": now, "exp": now + 300, "auth_time": now - 10,
            "amr": ["pwd", "mfa"],
        });
        Self { issuer, script }
    }
}
