//! An app that speaks OpenID Connect by hand, for tests that look at single requests of the code flow.

use reqwest::header::HeaderMap;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::browser::Page;
use super::http::{Answer, client};
use super::organization::Client;

/// The pair of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A registered app.
pub struct RelyingParty {
    pub gateway_url: String,
    pub redirect_uri: String,
    pub client: Client,
}

impl RelyingParty {
    /// Where a person begins.
    pub fn authorize_url(&self) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("response_type", "code").append_pair("client_id", &self.client.id);
        query.append_pair("redirect_uri", &self.redirect_uri).append_pair("scope", "openid email offline_access");
        query.append_pair("state", "s").append_pair("nonce", "n");
        query.append_pair("code_challenge", CHALLENGE).append_pair("code_challenge_method", "S256");
        format!("{}/oauth2/authorize?{}", self.gateway_url, query.finish())
    }

    /// The code with which a person came back.
    pub fn code_of(&self, page: &Page) -> String {
        let is_back = page.url.as_str().starts_with(&self.redirect_uri);
        let code = page.url.query_pairs().find(|(name, _)| name == "code").filter(|_| is_back);
        code.unwrap_or_else(|| panic!("not back at the app but on {}:\n{}", page.url, page.body)).1.into_owned()
    }

    /// Redeems a code.
    pub async fn redeem(&self, code: &str) -> Answer {
        let fields = [("grant_type", "authorization_code"), ("code", code), ("code_verifier", VERIFIER)];
        self.token(&[&fields[..], &[("redirect_uri", &self.redirect_uri)]].concat()).await
    }

    /// Redeems a refresh token.
    pub async fn refresh(&self, token: &str) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// Asks who it is.
    pub async fn userinfo(&self, access_token: &str) -> Answer {
        read(client().get(format!("{}/oauth2/userinfo", self.gateway_url)).bearer_auth(access_token)).await
    }

    async fn token(&self, fields: &[(&str, &str)]) -> Answer {
        let body = Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = client().post(format!("{}/oauth2/token", self.gateway_url));
        let request = request.basic_auth(&self.client.id, Some(&self.client.secret));
        read(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
    }
}

async fn read(request: reqwest::RequestBuilder) -> Answer {
    let answer = request.send().await.expect("an answer");
    let (status, headers): (_, HeaderMap) = (answer.status(), answer.headers().clone());
    let text = answer.text().await.expect("a body");
    Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
}
