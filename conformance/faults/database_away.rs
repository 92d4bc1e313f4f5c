//! The database goes away and comes back: requests fail softly in between, and nobody has to restart anything.
//! PostgreSQL only, behind a relay that is cut: SQLite's database is a file that the process holds open.

use std::time::{Duration, Instant};

use tokio::time::sleep;
use url::Url;

use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, Api};
use crate::support::postgres;
use crate::support::relay::Relay;

#[tokio::test(flavor = "multi_thread")]
async fn requests_fail_softly_while_the_database_is_away_and_recover_by_themselves() {
    let mut database = Url::parse(&postgres::new_database()).expect("a URL");
    let host = database.host_str().expect("a host").to_owned();
    let relay = Relay::to(format!("{host}:{}", database.port().expect("a port"))).await;
    database.set_port(Some(relay.port)).expect("a port can be set");
    let gateway = Gateway::start(Engine::Postgres, |settings| settings.database_url = database.to_string());
    let api = Api::new(&gateway.url, "cw_a_token_that_nobody_has");
    eventually(&api, "/health/ready", 200).await;

    relay.cut();
    let answer = eventually(&api, "/health/ready", 503).await;
    assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
    for path in ["/scim/v2/acme/Users", "/api/v1/orgs/acme", "/oauth2/jwks"] {
        let answer = api.get(path).await;
        let is_soft = answer.status == 503 && answer.headers.contains_key("retry-after");
        // The keys are held in memory, so that apps can go on verifying tokens.
        assert!(is_soft || path == "/oauth2/jwks" && answer.status == 200, "{path}: {answer:?}");
    }
    api.get("/health/live").await.expect(200);

    relay.mend();
    eventually(&api, "/health/ready", 200).await;
    api.get("/scim/v2/acme/Users").await.expect(401);
}

/// Asks until the status is `status`, for at most ten seconds.
async fn eventually(api: &Api, path: &str, status: u16) -> Answer {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let answer = api.get(path).await;
        if answer.status == status {
            return answer;
        }
        assert!(Instant::now() < deadline, "{path} is still {}: {:#}", answer.status, answer.body);
        sleep(Duration::from_millis(50)).await;
    }
}
