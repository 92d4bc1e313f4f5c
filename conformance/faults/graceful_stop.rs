//! A stop lets requests under way finish, and takes no new ones.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::http::Api;
use crate::support::organization::Organization;

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_is_finished_and_then_the_program_ends() {
    for engine in Engine::ALL {
        let mut gateway = Gateway::start(engine, |_| {});
        let address = gateway.url.trim_start_matches("http://").to_owned();
        let body = "grant_type=authorization_code&code=unknown";
        let mut stream = TcpStream::connect(&address).await.expect("the gateway accepts");
        let head = format!(
            "POST /oauth2/token HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.expect("the head is sent");
        let mut go_on = [0; 25];
        stream.read_exact(&mut go_on).await.expect("the gateway has taken the request");
        assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(&body.as_bytes()[..10]).await.expect("part of the body is sent");

        gateway.ask_to_stop();
        refuses_new_connections(&address).await;
        stream.write_all(&body.as_bytes()[10..]).await.expect("the rest of the body is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 40"), "the request is answered, not cut off: {answer:?}");
        assert!(answer.contains("invalid_"), "by the token endpoint: {answer:?}");

        let status = ended(&mut gateway).await;
        assert!(status.success(), "{status}:\n{}", gateway.log());
    }
}

/// A mail is under way to a server that takes the connection and says nothing; nobody waits for it longer than for requests.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_under_way_holds_up_a_stop_for_the_grace_period_and_no_longer() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let mail_server = silent.local_addr().expect("an address");
    let mut gateway = Gateway::start(Engine::Sqlite, |settings| {
        settings.smtp_url = Some(format!("smtp://{mail_server}"));
        settings.shutdown_grace_seconds = 1;
    });
    let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
    let access = acme.scim_access().await;
    let person = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "bea@elsewhere.test",
        "emails": [{ "value": "bea@elsewhere.test", "primary": true }],
    });
    Api::new(&access.base, &access.token).post("/Users", person).await.expect(201);
    let _mail = silent.accept().await.expect("the mail is under way");
    gateway.ask_to_stop();
    let status = ended(&mut gateway).await;
    assert!(status.success(), "{status}:\n{}", gateway.log());
    assert!(gateway.log().contains("left to their leases"), "{}", gateway.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_the_program_at_once() {
    let mut gateway = Gateway::start(Engine::Sqlite, |settings| settings.shutdown_grace_seconds = 600);
    let address = gateway.url.trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).await.expect("the gateway accepts");
    let head = format!(
        "POST /oauth2/token HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: 10\r\nExpect: 100-continue\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("the head is sent");
    stream.read_exact(&mut [0; 25]).await.expect("the gateway has taken the request");
    gateway.ask_to_stop();
    refuses_new_connections(&address).await;
    gateway.ask_to_stop();
    let status = ended(&mut gateway).await;
    assert!(!status.success() && gateway.log().contains("second signal"), "{status}:\n{}", gateway.log());
}

async fn refuses_new_connections(address: &str) {
    let deadline = Instant::now() + Duration::from_secs(4);
    while TcpStream::connect(address).await.is_ok() {
        assert!(Instant::now() < deadline, "new connections are still accepted");
        sleep(Duration::from_millis(20)).await;
    }
}

async fn ended(gateway: &mut Gateway) -> std::process::ExitStatus {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(status) = gateway.ended() {
            return status;
        }
        assert!(Instant::now() < deadline, "the program did not end:\n{}", gateway.log());
        sleep(Duration::from_millis(20)).await;
    }
}
