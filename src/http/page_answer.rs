//! How a page goes to a browser: its headers, and the redirects between pages.
//!
//! The content security policy lets a page load the gateway's own stylesheet and images, those that ask for a passkey the
//! gateway's own script as well, and nothing else; no page can
//! be framed, and no page is kept in a cache. A redirect after a POST is 303, so that the body is not sent again.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION, REFRESH};
use askama::Template;
use url::Url;

use crate::pages::onward::OnwardPage;

/// Where the forms of a page may lead.
///
/// Chromium applies `form-action` to every redirect that follows a submitted form (tried with Chromium: a 303 to the
/// own origin that answers with a 303 elsewhere is blocked as well). The e-mail form leads to an identity provider,
/// which may pass the person on to another one, and in the end to the application, all in one chain of redirects; so
/// the hosts cannot be listed. Such pages allow any https target. Where a password or a code is typed, or a passkey is
/// shown, only the gateway itself is allowed, and [`PageHeaders::lead_on`] ends the chain (decision 0035).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forms {
    /// Forms end at the gateway.
    StayHere,
    /// A form starts a chain of redirects to other hosts.
    LeadAway,
}

/// The headers of pages, which depend on how the gateway is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageHeaders {
    is_https: bool,
}

impl PageHeaders {
    /// For a gateway that people reach at `public_url`.
    pub fn new(public_url: &Url) -> Self {
        Self { is_https: public_url.scheme() == "https" }
    }

    /// Renders `page` and answers with it. It runs no script.
    pub fn page(self, status: StatusCode, page: &impl Template, forms: Forms) -> HttpResponse {
        self.render(status, page, self.policy(forms).to_owned())
    }

    /// The same for a page that asks the browser for a passkey: it runs the gateway's own script, and no other.
    pub fn page_with_script(self, status: StatusCode, page: &impl Template, forms: Forms) -> HttpResponse {
        self.render(status, page, format!("{}; script-src 'self'", self.policy(forms)))
    }

    /// A page from which the browser goes on to `url` by itself, which is not a redirect that a form leads to. `url` is one
    /// that the gateway has built from types, never one that a request brought along.
    pub fn lead_on(self, url: &str) -> HttpResponse {
        let Ok(refresh) = HeaderValue::from_str(&format!("0; url={url}")) else {
            tracing::error!("a way on cannot be expressed");
            return HttpResponse::InternalServerError().finish();
        };
        let mut answer = self.page(StatusCode::OK, &OnwardPage { url: url.to_owned() }, Forms::StayHere);
        answer.headers_mut().insert(REFRESH, refresh);
        answer
    }

    /// On to an application at the end of a chain of redirects that may have begun with one of our forms. Where
    /// [`Forms::LeadAway`] does not let it end (an application on loopback or of the device's own, RFC 8252, 7), a page ends it.
    pub fn arrive_at(self, url: &str) -> HttpResponse {
        if self.may_end_at(url) { see_other(url) } else { self.lead_on(url) }
    }

    /// True when such a chain may end at `url`.
    pub fn may_end_at(self, url: &str) -> bool {
        url.starts_with("https:") || !self.is_https && url.starts_with("http:")
    }

    fn render(self, status: StatusCode, page: &impl Template, policy: String) -> HttpResponse {
        match page.render() {
            Ok(html) => self.html(status, html, policy),
            Err(error) => {
                tracing::error!(%error, "a page cannot be rendered");
                HttpResponse::InternalServerError().finish()
            }
        }
    }

    fn html(self, status: StatusCode, html: String, policy: String) -> HttpResponse {
        let mut answer = HttpResponse::build(status);
        answer
            .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
            .insert_header((CONTENT_SECURITY_POLICY, policy))
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header(("Referrer-Policy", "no-referrer"))
            .insert_header(("X-Content-Type-Options", "nosniff"))
            .insert_header(("X-Frame-Options", "DENY"))
            .insert_header(("Cross-Origin-Opener-Policy", "same-origin"))
            .insert_header(("Cross-Origin-Resource-Policy", "same-origin"))
            .insert_header(("Permissions-Policy", "camera=(), geolocation=(), microphone=()"));
        if self.is_https {
            answer.insert_header(("Strict-Transport-Security", "max-age=63072000"));
        }
        answer.body(html)
    }

    fn policy(self, forms: Forms) -> &'static str {
        match (forms, self.is_https) {
            (Forms::StayHere, _) => {
                "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; \
                 base-uri 'none'"
            }
            (Forms::LeadAway, true) => {
                "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' https:; \
                 frame-ancestors 'none'; base-uri 'none'"
            }
            // Loopback without TLS: there the provider and the application are on loopback, too.
            (Forms::LeadAway, false) => {
                "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' https: http:; \
                 frame-ancestors 'none'; base-uri 'none'"
            }
        }
    }
}

/// 303 See Other. `location` is one that the gateway has built from types, never one that a request brought along.
pub fn see_other(location: &str) -> HttpResponse {
    match HeaderValue::from_str(location) {
        Ok(location) => HttpResponse::SeeOther()
            .insert_header((LOCATION, location))
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header(("Referrer-Policy", "no-referrer"))
            .finish(),
        Err(error) => {
            tracing::error!(%error, "a redirect cannot be expressed");
            HttpResponse::InternalServerError().finish()
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;

    use super::{Forms, PageHeaders};
    use crate::pages::signed_out::SignedOutPage;

    fn header(public_url: &str, forms: Forms, name: &str) -> Option<String> {
        let answer = PageHeaders::new(&public_url.parse().unwrap()).page(StatusCode::OK, &SignedOutPage::here(), forms);
        answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn rfc8252_7_the_way_to_an_application_of_the_device_is_no_redirect_that_a_form_leads_to() {
        let arrive = |public_url: &str, url: &str| {
            let answer = PageHeaders::new(&public_url.parse().unwrap()).arrive_at(url);
            let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            (answer.status().as_u16(), header("location"), header("refresh"))
        };
        let (secure, plain) = ("https://id.example", "http://localhost:8080");
        for (from, url) in
            [(secure, "https://app.example/cb"), (plain, "https://a.example/cb"), (plain, "http://[::1]/cb")]
        {
            assert_eq!(arrive(from, url), (303, Some(url.to_owned()), None), "{from}");
        }
        for (from, url) in [(secure, "http://127.0.0.1:9/cb"), (secure, "com.app:/cb"), (plain, "com.app:/cb")] {
            assert_eq!(arrive(from, url), (200, None, Some(format!("0; url={url}"))), "{from}");
        }
    }

    #[test]
    fn a_page_runs_nothing_loads_nothing_foreign_and_is_not_kept() {
        let policy = header("https://id.example", Forms::StayHere, "content-security-policy").unwrap();
        let expected = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                        frame-ancestors 'none'; base-uri 'none'";
        assert_eq!(policy, expected);
        for (name, value) in [
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(header("https://id.example", Forms::StayHere, name).as_deref(), Some(value));
        }
    }

    #[test]
    fn a_page_that_asks_for_a_passkey_runs_the_gateways_own_script_and_no_other() {
        let headers = PageHeaders::new(&"https://id.example".parse().unwrap());
        let answer = headers.page_with_script(StatusCode::OK, &SignedOutPage::here(), Forms::StayHere);
        let policy = answer.headers().get("content-security-policy").unwrap().to_str().unwrap();
        assert!(policy.starts_with("default-src 'none';") && policy.ends_with("; script-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("connect-src"), "{policy}");
    }

    #[test]
    fn the_way_on_is_no_redirect_and_its_page_lets_no_form_lead_away() {
        let url = "https://app.example/cb?code=c&state=s";
        let answer = PageHeaders::new(&"https://id.example".parse().unwrap()).lead_on(url);
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!((answer.status(), header("location")), (StatusCode::OK, None));
        assert_eq!(header("refresh"), Some(format!("0; url={url}")));
        assert_eq!(header("referrer-policy").as_deref(), Some("no-referrer"), "the code is nobody else's");
        assert!(header("content-security-policy").unwrap().contains("form-action 'self';"));
    }

    #[test]
    fn transport_security_is_told_on_https_only() {
        assert!(header("https://id.example", Forms::StayHere, "strict-transport-security").is_some());
        assert!(header("http://localhost:8080", Forms::StayHere, "strict-transport-security").is_none());
    }

    #[test]
    fn forms_that_lead_away_never_lead_to_plain_text_from_https() {
        let policy = header("https://id.example", Forms::LeadAway, "content-security-policy").unwrap();
        assert!(policy.contains("form-action 'self' https:;"), "{policy}");
    }
}
