//! A body that stops halfway holds a connection for as long as the configuration says, and no longer.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::organization::Organization;

const FORM: &str = "application/x-www-form-urlencoded";

/// Sends two of a thousand bytes, and reads until the gateway closes the connection.
fn send_too_little(url: &str, media_type: &str, token: &str) -> String {
    let rest = url.strip_prefix("http://localhost:").expect("the gateway's own address");
    let (port, path) = rest.split_once('/').expect("a path");
    let mut stream = TcpStream::connect(("127.0.0.1", port.parse().expect("a port"))).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    let head = format!(
        "POST /{path} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: {media_type}\r\n\
         Authorization: Bearer {token}\r\nContent-Length: 1000\r\n\r\na="
    );
    stream.write_all(head.as_bytes()).expect("the request is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer, and the end of the connection");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_halfway_is_answered_in_the_words_of_its_door_and_the_connection_closed() {
    for engine in Engine::ALL {
        let gateway = Gateway::start(engine, |settings| settings.more = "[limits]\nbody_timeout_ms = 200\n".to_owned());
        let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
        let scim = acme.scim_access().await;
        for (url, media_type, token, words) in [
            (format!("{}/domains", acme.api.base), "application/json", acme.api.token(), "\"too_slow\""),
            (format!("{}/Users", scim.base), "application/scim+json", scim.token.as_str(), "\"status\":\"408\""),
            (format!("{}/oauth2/token", gateway.url), FORM, "", "\"invalid_request\""),
            (format!("{}/oauth2/authorize", gateway.url), FORM, "", "That took too long"),
            (format!("{}/sign-out", gateway.url), FORM, "", "That took too long"),
        ] {
            let answer = send_too_little(&url, media_type, token);
            assert!(answer.starts_with("HTTP/1.1 408 "), "{url}: {answer}");
            assert!(answer.contains(words), "{url}: {answer}");
        }
    }
}
