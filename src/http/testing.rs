//! The doors over a small world, for unit tests: no socket, a clock that tests move, and answers that can be read.

use std::sync::{Arc, OnceLock};

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::{Bytes, Data};
use actix_web::{App, middleware};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::context::{Context, Throttles};
use super::guesses::Guesses;
use super::observe;
use crate::access::passkeys::ceremony::Ceremonies;
use crate::access::signing_keys::{self, SigningKeys};
use crate::access::testing::World;
use crate::config;
use crate::directory::relying_party::RelyingParty;
use crate::directory::service_provider::ServiceProvider;
use crate::flows::outside::Outside;
use crate::flows::sign_in_by_saml::verifier::{self, Verifier};
use crate::keys::purpose::Purpose;
use crate::keys::ring::KeyRing;
use crate::keys::rotation::{self, PreparedKey};
use crate::keys::sealing::Sealer;
use crate::outbound::address::Reach;
use crate::outbound::dns::Dns;
use crate::outbound::http_client::{self, HttpClient};
use crate::outbound::idp::IdpClient;
use crate::outbound::key_sets::KeySets;
use crate::protocol::oidc::client_keys::ClientKeySet;
use crate::provisioning::schemas::catalog::Catalog;

/// The doors' state over `world`, reached at `public_url`. Every purpose has its keys.
pub async fn context(world: &World, public_url: &str) -> Context {
    let key = STANDARD.encode([1; 32]);
    let text = format!(
        "public_url = \"{public_url}\"\ndata_center = \"us\"\nencryption_keys = [\"{key}\"]\n\
         [passwords]\nmemory_kib = 7168\npasses = 1\n\
         [mail]\nfrom = \"gateway@causeway.test\"\ndirectory = \"/nowhere\"\n"
    );
    let config = config::read(&text, [], &[]).unwrap().config;
    let sealer = Sealer::new(&config.encryption_keys).unwrap();
    establish_keys(world, &sealer).await;
    let keys = KeyRing::new(sealer.clone());
    let settings = http_client::Settings { reach: Reach::PublicAndLoopback, ..http_client::Settings::default() };
    let client = HttpClient::new(settings).unwrap();
    Context {
        store: world.store().clone(),
        clock: world.clock(),
        entropy: world.op().entropy,
        outside: Outside {
            dns: Dns::new(&config.dns_servers, config.dns_timeout).unwrap(),
            idp: IdpClient::new(client.clone()),
            client_keys: KeySets::new(client, ClientKeySet::parse),
            relying_party: RelyingParty::new(config.public_url.clone(), keys.clone()),
            service_provider: ServiceProvider::new(config.public_url.clone(), keys.clone()),
            verifier: Verifier::new(verifier::Settings::default()),
            keys: keys.clone(),
            sealer,
        },
        scim_catalog: Catalog::default(),
        request_log: crate::app::request_log_buffer(&config),
        passwords: crate::app::passwords(&config, world.op().entropy).unwrap(),
        ceremonies: Ceremonies::new(&config.public_url),
        guesses: Guesses::new(config.passwords.free_guesses, config.passwords.guesses_per_hour),
        codes: Guesses::new(config.passwords.free_guesses, config.passwords.codes_per_hour),
        throttles: Throttles::new(&config.limits),
        config: Arc::new(config),
        signing_keys: SigningKeys::new(keys),
    }
}

/// Gives the world its keys: the same in every test, because making an RSA key takes a second of a slow processor.
async fn establish_keys(world: &World, sealer: &Sealer) {
    static MADE: OnceLock<Vec<(PreparedKey, PreparedKey)>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let prepare = |purpose| rotation::prepare(&world.op(), sealer, purpose).unwrap();
        Purpose::ALL.into_iter().map(|purpose| (prepare(purpose), prepare(purpose))).collect()
    });
    let missing = world.store().read(rotation::missing).await.unwrap();
    for (active, next) in made.iter().filter(|(active, _)| missing.contains(&active.purpose())) {
        let op = world.op();
        world.store().write(move |tx| signing_keys::establish(tx, &op, active, next)).await.unwrap();
    }
}

/// What a door answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<String> {
        let name: HeaderName = name.parse().unwrap();
        self.headers.get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    /// Where the browser goes on to: by a redirect, or by itself from a page.
    pub fn leads_to(&self) -> Option<String> {
        let by_itself = || self.header("refresh")?.strip_prefix("0; url=").map(str::to_owned);
        self.header("location").or_else(by_itself)
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Sends one request through all doors and what surrounds them.
pub async fn send(context: &Context, request: TestRequest) -> Answer {
    let app = App::new().app_data(Data::new(context.clone())).wrap(middleware::from_fn(observe::observe));
    let service = init_service(app.configure(super::mount)).await;
    let answer = call_service(&service, request.to_request()).await;
    let (status, headers) = (answer.status(), answer.headers().clone());
    Answer { status, headers, body: read_body(answer).await }
}
