//! The methods that a path has. Every other one is refused with `Allow` (RFC 9110, 15.5.6), in the words of the surface.
//! What can be read answers HEAD as well ([`super::head`]).

use actix_web::http::header::ALLOW;
use actix_web::middleware::DefaultHeaders;
use actix_web::web;
use actix_web::{FromRequest, Handler, Resource, Responder, Route};

/// A path with its methods.
pub struct Methods {
    resource: Resource,
    allowed: Vec<&'static str>,
}

/// A path that has no methods yet.
pub fn at(path: &str) -> Methods {
    Methods { resource: web::resource(path), allowed: Vec::new() }
}

impl Methods {
    /// It can be read, by GET and by HEAD.
    pub fn get<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.with("GET, HEAD", web::get().to(handler))
    }

    /// It takes a form or a body.
    pub fn post<F, Args>(self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.with("POST", web::post().to(handler))
    }

    fn with(mut self, methods: &'static str, route: Route) -> Self {
        self.allowed.push(methods);
        Self { resource: self.resource.route(route), allowed: self.allowed }
    }

    /// The resource to mount, which answers every other method by `refuse`.
    pub fn otherwise<F, Args>(self, refuse: F) -> Resource
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let allow = DefaultHeaders::new().add((ALLOW, self.allowed.join(", ")));
        self.resource.default_service(web::to(refuse).wrap(allow))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::Method;
    use actix_web::http::header::CONTENT_TYPE;
    use actix_web::test::TestRequest;

    use crate::access::testing::world;
    use crate::http::context::Context;
    use crate::http::testing::{Answer, context, send};
    use crate::pages::assets;

    async fn ask(context: &Context, method: &Method, path: &str) -> Answer {
        let request = TestRequest::default().method(method.clone()).uri(path);
        send(context, request.insert_header((CONTENT_TYPE, "application/x-www-form-urlencoded"))).await
    }

    #[actix_web::test]
    async fn a_method_that_a_path_does_not_have_is_refused_in_the_words_of_its_surface() {
        const PAGE: &str = "text/html; charset=utf-8";
        const PROBLEM: &str = "application/problem+json";
        const PLAIN: &str = "text/plain; charset=utf-8";
        const SCIM: &str = "application/scim+json";
        for world in world().await {
            let context = context(&world, "https://id.test").await;
            let id = world.connection;
            let cases = [
                (Method::PUT, "/".to_owned(), "GET, HEAD", PAGE),
                (Method::GET, format!("/sign-in/{id}/email"), "POST", PAGE),
                (Method::DELETE, "/sign-out".to_owned(), "GET, HEAD, POST", PAGE),
                (Method::POST, "/assets/causeway.css".to_owned(), "GET, HEAD", PAGE),
                (Method::GET, "/account/password".to_owned(), "POST", PAGE),
                (Method::PUT, "/account/address".to_owned(), "GET, HEAD, POST", PAGE),
                (Method::GET, format!("/federation/saml/{id}/acs"), "POST", PAGE),
                (Method::POST, format!("/federation/oidc/{id}/callback"), "GET, HEAD", PAGE),
                (Method::PATCH, format!("/federation/saml/{id}/slo"), "GET, HEAD, POST", PAGE),
                (Method::GET, format!("/federation/oidc/{id}/backchannel-logout"), "POST", "application/json"),
                (Method::DELETE, "/oauth2/authorize".to_owned(), "GET, HEAD, POST", PAGE),
                (Method::PUT, "/oauth2/end-session".to_owned(), "GET, HEAD, POST", PAGE),
                (Method::GET, "/oauth2/token".to_owned(), "POST", "application/json"),
                (Method::GET, "/oauth2/revoke".to_owned(), "POST", "application/json"),
                (Method::DELETE, "/oauth2/userinfo".to_owned(), "GET, HEAD, POST", "application/json"),
                (Method::POST, "/.well-known/openid-configuration".to_owned(), "GET, HEAD", "application/json"),
                (Method::POST, "/health/ready".to_owned(), "GET, HEAD", PLAIN),
                (Method::DELETE, "/metrics".to_owned(), "GET, HEAD", PLAIN),
                (Method::PUT, "/scim/v2/acme/Users".to_owned(), "GET, HEAD, POST", SCIM),
                (Method::POST, "/api/v1/openapi.json".to_owned(), "GET, HEAD", PROBLEM),
                (Method::DELETE, format!("/api/v1/orgs/{}/domains", world.organization), "GET, HEAD, POST", PROBLEM),
                (Method::PATCH, format!("/api/v1/operator/applications/{id}"), "GET, HEAD, PUT, DELETE", PROBLEM),
            ];
            for (method, path, allowed, media_type) in cases {
                let answer = ask(&context, &method, &path).await;
                let told = (answer.status.as_u16(), answer.header("allow"), answer.header("content-type"));
                let expected = (405, Some(allowed.to_owned()), Some(media_type.to_owned()));
                assert_eq!(told, expected, "{method} {path}");
                let word = match media_type {
                    PAGE => "<h1>",
                    PROBLEM => "\"method_not_allowed\"",
                    PLAIN | SCIM => "does not have this method",
                    _ => "\"invalid_request\"",
                };
                assert!(answer.text().contains(word), "{method} {path}: {}", answer.text());
            }
        }
    }

    /// What differs between two answers to the same question.
    const OF_THE_MOMENT: [&str; 2] = ["x-request-id", "content-length"];

    fn lasting(answer: &Answer) -> Vec<(String, String)> {
        let headers = answer.headers.iter().filter(|(name, _)| !OF_THE_MOMENT.contains(&name.as_str()));
        let mut told: Vec<_> =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        told.sort();
        told
    }

    #[actix_web::test]
    async fn rfc9110_9_1_what_can_be_read_answers_head_by_the_headers_of_get_and_nothing_else() {
        for world in world().await {
            let context = context(&world, "https://id.test").await;
            let id = world.connection;
            let paths = [
                "/".to_owned(),
                format!("/sign-in/{id}"),
                "/password/forgotten".to_owned(),
                "/account/security".to_owned(),
                assets::all()[0].path.clone(),
                "/health/live".to_owned(),
                "/health/ready".to_owned(),
                "/.well-known/openid-configuration".to_owned(),
                "/oauth2/jwks".to_owned(),
                "/oauth2/authorize".to_owned(),
                "/oauth2/userinfo".to_owned(),
                "/oauth2/token".to_owned(),
                format!("/federation/oidc/{id}/jwks"),
                "/api/v1/openapi.json".to_owned(),
                "/api/v1/orgs/acme/domains".to_owned(),
                "/scim/v2/acme/Schemas".to_owned(),
                "/scim/v2/acme/Users".to_owned(),
                "/nowhere".to_owned(),
            ];
            for path in paths {
                let (get, head) = (ask(&context, &Method::GET, &path).await, ask(&context, &Method::HEAD, &path).await);
                assert_eq!((head.status, lasting(&head)), (get.status, lasting(&get)), "{path}");
                assert_eq!(head.header("content-length"), Some(get.body.len().to_string()), "{path}");
                assert!(head.body.is_empty(), "{path}");
            }
        }
    }

    #[actix_web::test]
    async fn a_path_that_is_not_there_has_no_methods_to_tell() {
        for world in world().await {
            let context = context(&world, "https://id.test").await;
            for path in ["/nowhere", "/account/nowhere", "/federation/nowhere", "/oauth2/nowhere", "/api/v1/nowhere"] {
                for method in [Method::GET, Method::PUT] {
                    let answer = ask(&context, &method, path).await;
                    assert_eq!((answer.status.as_u16(), answer.header("allow")), (404, None), "{method} {path}");
                }
            }
        }
    }
}
