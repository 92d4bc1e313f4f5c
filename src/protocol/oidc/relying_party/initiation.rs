//! A provider, or a page of its, sends somebody who has not asked for it to sign in (OpenID Connect Core, 4). Anybody can
//! make up such a request, so nothing in it is believed: it leads to a place that is known already, or nowhere.

use url::Url;

use crate::protocol::oidc::parameters::Parameters;

const MAX_HINT: usize = 320;
const MAX_URI: usize = 2_000;

/// A well-formed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitiatedLogin {
    /// Who is to sign them in.
    pub issuer: String,
    /// Whom it may be about.
    pub login_hint: Option<String>,
    /// Where they are to arrive.
    pub target_link_uri: Option<String>,
}

/// The request lacks `iss`, repeats a parameter, or has one that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request is malformed")]
pub struct MalformedInitiation;

impl InitiatedLogin {
    /// Reads the query, or the form.
    pub fn parse(text: &str) -> Result<Self, MalformedInitiation> {
        let parameters = Parameters::parse(text).map_err(|_| MalformedInitiation)?;
        if parameters.has_repeated() {
            return Err(MalformedInitiation);
        }
        let bounded = |name: &str, longest: usize| match parameters.get(name) {
            Some(text) if text.len() > longest => Err(MalformedInitiation),
            found => Ok(found.map(str::to_owned)),
        };
        Ok(Self {
            issuer: bounded("iss", MAX_URI)?.ok_or(MalformedInitiation)?,
            login_hint: bounded("login_hint", MAX_HINT)?,
            target_link_uri: bounded("target_link_uri", MAX_URI)?,
        })
    }
}

/// Where an application begins a sign-in, in its own words: `login_uri`, told who asks for it.
pub fn url(login_uri: &Url, issuer: &str, asked: &InitiatedLogin) -> Url {
    let mut url = login_uri.clone();
    let told = [("login_hint", &asked.login_hint), ("target_link_uri", &asked.target_link_uri)];
    let told = told.into_iter().filter_map(|(name, value)| value.as_ref().map(|value| (name, value.as_str())));
    url.query_pairs_mut().append_pair("iss", issuer).extend_pairs(told);
    url
}

#[cfg(test)]
mod tests {
    use super::{InitiatedLogin, MalformedInitiation, url};

    #[test]
    fn a_request_names_its_issuer_and_is_bounded() {
        let asked = InitiatedLogin::parse("iss=https%3A%2F%2Fop.test&login_hint=ada&target_link_uri=&x=y").unwrap();
        assert_eq!((asked.issuer.as_str(), asked.login_hint.as_deref()), ("https://op.test", Some("ada")));
        assert_eq!(asked.target_link_uri, None);
        let long = format!("iss=i&login_hint={}", "h".repeat(321));
        for bad in ["", "login_hint=a", "iss=", "iss=a&iss=b", "iss=a&login_hint=b&login_hint=c", "iss=%ff", &long] {
            assert_eq!(InitiatedLogin::parse(bad), Err(MalformedInitiation), "{bad:.30}");
        }
    }

    #[test]
    fn the_application_is_told_who_asks_and_keeps_its_own_query() {
        let asked =
            InitiatedLogin::parse("iss=https://op.test&login_hint=ada%26x&target_link_uri=https://a.test/t").unwrap();
        let url = url(&"https://a.test/begin?tenant=1".parse().unwrap(), "https://id.test", &asked);
        let expected = "https://a.test/begin?tenant=1&iss=https%3A%2F%2Fid.test&login_hint=ada%26x\
                        &target_link_uri=https%3A%2F%2Fa.test%2Ft";
        assert_eq!(url.as_str(), expected);
    }
}
