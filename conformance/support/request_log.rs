//! The request log of a SCIM client, as its administrators read it. It is written beside the requests, so that a reader
//! may have to wait a moment.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::http::Api;
use super::organization::Organization;

/// How long a line may take until it can be read.
const PATIENCE: Duration = Duration::from_secs(20);

/// The log of one client.
pub struct RequestLog {
    api: Api,
    path: String,
}

impl RequestLog {
    /// The log of this client of the organization.
    pub fn new(organization: &Organization, client: &str) -> Self {
        Self { api: organization.api.clone(), path: format!("/scim-clients/{client}/requests") }
    }

    /// The exchange with this id, once it is there.
    pub async fn find(&self, id: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.api.get(&format!("{}/{id}", self.path)).await;
            if answer.status != 404 || Instant::now() > deadline {
                return answer.expect(200);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The newest lines that `query` finds.
    pub async fn list(&self, query: &str) -> Vec<Value> {
        let answer = self.api.get(&format!("{}?limit=200&{query}", self.path)).await.expect(200);
        answer["items"].as_array().expect("a list").clone()
    }
}
