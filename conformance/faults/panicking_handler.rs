//! A panic in a handler costs that request alone.

use std::net::TcpListener;

use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, HttpServer, web};
use causeway::http::observe::observe;

use crate::support::http::Api;

#[expect(clippy::panic, reason = "the panic is what the test is about")]
async fn panicking() -> HttpResponse {
    panic!("on purpose")
}

async fn sound() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "sound": true }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panicking_handler_costs_that_request_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let base = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
    let app = || {
        let routes = App::new().wrap(from_fn(observe));
        routes.route("/scim/v2/panic", web::get().to(panicking)).route("/api/v1/sound", web::get().to(sound))
    };
    // One worker: were it lost, nothing would be served any more.
    let server = HttpServer::new(app).workers(1).listen(listener).expect("a listening socket").run();
    let (handle, serving) = (server.handle(), tokio::spawn(server));
    let api = Api::new(&base, "");
    for _ in 0..3 {
        let refused = api.get("/scim/v2/panic").await;
        assert!(refused.headers.contains_key("x-request-id"));
        let body = refused.expect(500);
        assert_eq!(body["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error");
        assert!(!body.to_string().contains("on purpose"), "the internal text does not leave");
        api.get("/api/v1/sound").await.expect(200);
    }
    handle.stop(true).await;
    serving.await.expect("the server ended").expect("without a failure");
}
