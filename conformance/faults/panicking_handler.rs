//! A panic in a handler costs that request alone. The doors are the gateway's own; one handler that panics is put in
//! front of them on each surface, because none of theirs does.

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, HttpServer, web};
use causeway::access::signing_keys::SigningKeys;
use causeway::app;
use causeway::http::context::{Context, Throttles};
use causeway::http::guesses::Guesses;
use causeway::http::observe::observe;
use causeway::keys::sealing::Sealer;
use causeway::provisioning::schemas::catalog::Catalog;
use causeway::values::operation::Actor;
use tempfile::TempDir;

use crate::support::clock::MovableClock;
use crate::support::engine::Engine;
use crate::support::http::Api;
use crate::support::server::entropy;
use crate::support::settings::Settings;

/// Where a handler panics, and what tells the dialect of the answer.
const PANICKING: [(&str, &str); 8] = [
    ("/scim/v2/acme/Panics", "urn:ietf:params:scim:api:messages:2.0:Error"),
    ("/api/v1/panics", "internal"),
    ("/oauth2/token", "server_error"),
    ("/oauth2/authorize", "<h1>"),
    ("/oauth2/end-session", "<h1>"),
    ("/", "<h1>"),
    ("/sign-in/panics", "<h1>"),
    ("/federation/panics", "<h1>"),
];

#[expect(clippy::panic, reason = "the panic is what the test is about")]
async fn panicking() -> HttpResponse {
    panic!("on purpose")
}

/// What the doors of a gateway hold, over an empty database of `engine`.
async fn context(engine: Engine, folder: &TempDir) -> Context {
    let text = Settings::new(engine, folder.path()).to_toml(1, folder.path());
    let config = causeway::config::read(&text, [], app::CHECKS).expect("a sound configuration").config;
    let (clock, entropy) = (MovableClock::default().clock(), entropy());
    let store = app::open_store(&config).await.expect("a database");
    let sealer = Sealer::new(&config.encryption_keys).expect("keys");
    let op = app::operation(&config, &clock, entropy, Actor::System);
    app::establish_keys(&store, &sealer, &op).await.expect("keys");
    let outside = app::outside(&config, sealer).expect("a way outside");
    Context {
        ceremonies: None,
        scim_catalog: Catalog::default(),
        throttles: Throttles::new(&config.limits),
        signing_keys: SigningKeys::new(outside.keys.clone()),
        request_log: app::request_log_buffer(&config),
        passwords: app::passwords(&config, entropy).expect("a way to hash"),
        guesses: Guesses::new(5, 100),
        codes: Guesses::new(5, 20),
        config: Arc::new(config),
        store,
        clock,
        entropy,
        outside,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panicking_handler_costs_that_request_alone() {
    for engine in Engine::ALL {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = web::Data::new(context(engine, &folder).await);
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let base = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        let app = move || {
            let mut app = App::new().app_data(data.clone()).wrap(from_fn(observe));
            for (path, _) in PANICKING {
                app = app.route(path, web::get().to(panicking));
            }
            app.configure(causeway::http::mount)
        };
        // One worker: were it lost, nothing would be served any more.
        let server = HttpServer::new(app).workers(1).listen(listener).expect("a listening socket").run();
        let (handle, serving) = (server.handle(), tokio::spawn(server));
        let api = Api::new(&base, "");
        for (path, mark) in PANICKING {
            let refused = api.get(path).await;
            assert!(refused.headers.contains_key("x-request-id"), "{path}");
            let body = refused.expect(500).to_string();
            assert!(body.contains(mark) && !body.contains("on purpose"), "the internal text does not leave: {body}");
            api.get("/health/ready").await.expect(200);
            api.get("/scim/v2/acme/Users").await.expect(401);
        }
        handle.stop(true).await;
        serving.await.expect("the server ended").expect("without a failure");
    }
}
