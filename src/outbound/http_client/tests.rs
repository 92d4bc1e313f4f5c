use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use url::Url;

use super::{Call, CallFailure, HttpClient, Settings};
use crate::outbound::address::Reach;
use crate::outbound::dns::Hosts;
use crate::values::secret::Secret;

/// A provider on loopback that answers, redirects, talks too much or stays silent. Returns its base URL.
fn provider(hits: &Arc<AtomicUsize>) -> String {
    let hits = Arc::clone(hits);
    let server = HttpServer::new(move || {
        let hits = Arc::clone(&hits);
        let count = move || hits.fetch_add(1, Ordering::SeqCst);
        App::new()
            .route(
                "/plain",
                web::get().to(|| async {
                    HttpResponse::Ok()
                        .insert_header(("Content-Type", "Application/JSON; charset=utf-8"))
                        .insert_header(("Cache-Control", "public, max-age=120"))
                        .body("{}")
                }),
            )
            .route(
                "/moved",
                web::get().to(|| async { HttpResponse::Found().insert_header(("Location", "/target")).finish() }),
            )
            .route(
                "/target",
                web::get().to(move || {
                    count();
                    async { HttpResponse::Ok().finish() }
                }),
            )
            .route("/long", web::get().to(|| async { HttpResponse::Ok().body(vec![b'x'; 2_000]) }))
            .route(
                "/silent",
                web::get().to(|| async {
                    std::future::pending::<()>().await;
                    HttpResponse::Ok().finish()
                }),
            )
            .route(
                "/echo",
                web::post().to(|request: HttpRequest, body: String| async move {
                    let authorization = request.headers().get("Authorization").unwrap().to_str().unwrap().to_owned();
                    HttpResponse::Ok().body(format!("{authorization} {body}"))
                }),
            )
    })
    .workers(1)
    .bind(("127.0.0.1", 0))
    .unwrap();
    let port = server.addrs()[0].port();
    actix_web::rt::spawn(server.run());
    format!("http://127.0.0.1:{port}")
}

fn client(settings: Settings) -> HttpClient {
    HttpClient::new(settings).unwrap()
}

fn local() -> Settings {
    Settings { reach: Reach::PublicAndLoopback, max_body_bytes: 1_000, ..Settings::default() }
}

fn url(base: &str, path: &str) -> Url {
    Url::parse(&format!("{base}{path}")).unwrap()
}

#[actix_web::test]
async fn an_answer_comes_with_its_status_type_age_and_body() {
    let base = provider(&Arc::default());
    let answer = client(local()).call(Call::get(&url(&base, "/plain"), "application/json")).await.unwrap();
    assert_eq!((answer.status, answer.media_type.as_str()), (200, "application/json"));
    assert_eq!((answer.max_age_seconds, answer.body.as_slice()), (Some(120), b"{}".as_slice()));
}

#[actix_web::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let hits = Arc::new(AtomicUsize::new(0));
    let base = provider(&hits);
    let answer = client(local()).call(Call::get(&url(&base, "/moved"), "*/*")).await.unwrap();
    assert_eq!((answer.status, hits.load(Ordering::SeqCst)), (302, 0));
}

#[actix_web::test]
async fn a_form_is_posted_with_the_credentials_of_the_call() {
    let base = provider(&Arc::default());
    let url = url(&base, "/echo");
    let (authorization, form) = (Secret::from("Basic aWQ6cHc=".to_owned()), Secret::from("code=a+b%26c".to_owned()));
    let call = Call { url: &url, accept: "*/*", authorization: Some(&authorization), form: Some(&form), known: None };
    let answer = client(local()).call(call).await.unwrap();
    assert_eq!(answer.body, b"Basic aWQ6cHc= code=a+b%26c");
}

#[actix_web::test]
async fn a_body_over_the_limit_is_refused() {
    let base = provider(&Arc::default());
    let outcome = client(local()).call(Call::get(&url(&base, "/long"), "*/*")).await;
    assert_eq!(outcome, Err(CallFailure::TooLong));
}

#[actix_web::test]
async fn a_silent_host_costs_no_more_than_the_deadline_and_only_its_own_places() {
    let silent = provider(&Arc::default());
    let other = provider(&Arc::default());
    let settings = Settings { total_timeout: Duration::from_millis(300), calls_per_host: 1, ..local() };
    let client = client(settings);
    let (silent, other) = (url(&silent, "/silent"), url(&other, "/plain"));
    let calls = (client.call(Call::get(&silent, "*/*")), client.call(Call::get(&silent, "*/*")));
    let (first, second, elsewhere) = futures_util::join!(calls.0, calls.1, client.call(Call::get(&other, "*/*")));
    assert_eq!((first, second), (Err(CallFailure::TimedOut), Err(CallFailure::TimedOut)));
    assert_eq!(elsewhere.map(|answer| answer.status), Ok(200));
}

#[actix_web::test]
async fn loopback_is_refused_by_address_and_by_name_unless_it_is_allowed() {
    let base = provider(&Arc::default());
    let port = Url::parse(&base).unwrap().port().unwrap();
    let public = client(Settings::default());
    for literal in
        [format!("https://127.0.0.1:{port}/"), format!("https://[::1]:{port}/"), "https://0x7f.1/".to_owned()]
    {
        let outcome = public.call(Call::get(&Url::parse(&literal).unwrap(), "*/*")).await;
        assert_eq!(outcome, Err(CallFailure::ForbiddenAddress), "{literal}");
    }
    let by_name = Url::parse(&format!("https://localhost:{port}/")).unwrap();
    assert_eq!(public.call(Call::get(&by_name, "*/*")).await, Err(CallFailure::ForbiddenAddress));
}

#[test]
fn only_https_may_be_called_and_http_to_allowed_loopback() {
    let check = |text: &str, reach| super::check_url(&Url::parse(text).unwrap(), reach);
    for refused in ["http://idp.example/", "ftp://idp.example/", "https://user:pw@idp.example/", "file:///etc/passwd"] {
        assert_eq!(check(refused, Reach::PublicAndLoopback), Err(CallFailure::ForbiddenUrl), "{refused}");
    }
    assert_eq!(check("http://localhost:8080/", Reach::Public), Err(CallFailure::ForbiddenUrl));
    assert_eq!(check("https://169.254.169.254/", Reach::PublicAndLoopback), Err(CallFailure::ForbiddenAddress));
    assert_eq!(check("http://localhost:8080/", Reach::PublicAndLoopback), Ok(()));
    assert_eq!(check("https://idp.example/", Reach::Public), Ok(()));
}

/// Answers for any name: once with an address of the public internet, and from then on with loopback. The records are good for no
/// time at all, as those of an attacker are.
async fn rebind(socket: tokio::net::UdpSocket, asked: Arc<AtomicUsize>) {
    const A: u8 = 1;
    let mut query = [0; 512];
    loop {
        let (_, from) = socket.recv_from(&mut query).await.unwrap();
        let end = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 1;
        let is_for_v4 = query[end + 1] == A;
        let address = match is_for_v4 && asked.fetch_add(1, Ordering::SeqCst) == 0 {
            true => [93, 184, 215, 14],
            false => [127, 0, 0, 1],
        };
        let header = [query[0], query[1], 0x81, 0x80, 0, 1, 0, u8::from(is_for_v4), 0, 0, 0, 0];
        let record = [&[0xc0, 12, 0, A, 0, 1, 0, 0, 0, 0, 0, 4][..], &address].concat();
        let records = if is_for_v4 { &record[..] } else { &[] };
        let reply = [&header[..], &query[12..end + 4], records].concat();
        socket.send_to(&reply, from).await.unwrap();
    }
}

/// CVE-2026-27945, CVE-2026-55671: a name that leads to the public internet where somebody looks before, and to the inside where the
/// connection is made. What is connected to is what was looked at, and there is no look before it.
#[actix_web::test]
async fn cve_2026_27945_a_name_that_leads_inside_by_the_time_of_the_call_is_not_called() {
    let hits = Arc::new(AtomicUsize::new(0));
    let port = url(&provider(&hits), "/").port().unwrap();
    let (socket, asked) = (tokio::net::UdpSocket::bind(("127.0.0.1", 0)).await.unwrap(), Arc::default());
    let hosts = Hosts::new(&[socket.local_addr().unwrap()], Duration::from_secs(3)).unwrap();
    let server = tokio::spawn(rebind(socket, Arc::clone(&asked)));
    let before = hosts.addresses("rebind.example").await.unwrap();
    assert_eq!(
        before,
        ["93.184.215.14".parse::<std::net::IpAddr>().unwrap()],
        "whoever looks first sees nothing wrong"
    );
    let client = HttpClient::finding(hosts, Settings::default()).unwrap();
    let inside = Url::parse(&format!("https://rebind.example:{port}/target")).unwrap();
    let outcome = client.call(Call::get(&inside, "*/*")).await;
    assert_eq!(outcome, Err(CallFailure::ForbiddenAddress));
    assert!(asked.load(Ordering::SeqCst) >= 2, "it was asked again for the connection");
    assert_eq!(hits.load(Ordering::SeqCst), 0);
    server.abort();
}
