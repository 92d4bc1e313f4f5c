//! The bearer token of a request (RFC 6750, section 2.1), read in the same way at every surface that takes one.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;

/// Why no credential can be read where one was sent. It is a fault of the request, not of a credential: 400, in the dialect of the surface
/// (RFC 6750, section 3.1: "or is otherwise malformed").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// More than one header.
    Repeated,
    /// Bytes that are no text.
    NotText,
    /// Behind the scheme is nothing, or more than one word.
    NotOneToken,
}

impl Malformed {
    /// In words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Repeated => "there are two authorization headers",
            Self::NotText => "the authorization header is not text",
            Self::NotOneToken => "the authorization header does not hold one bearer token",
        }
    }
}

/// The one `Authorization` header, if there is one.
pub fn authorization(request: &HttpRequest) -> Result<Option<&str>, Malformed> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    match (headers.next(), headers.next()) {
        (None, _) => Ok(None),
        (Some(only), None) => only.to_str().map(Some).map_err(|_| Malformed::NotText),
        (Some(_), Some(_)) => Err(Malformed::Repeated),
    }
}

/// The token that the header presents. `None` where there is no header, or one of another scheme: who sends that does not know that
/// a token is needed (RFC 6750, section 3.1).
pub fn token(request: &HttpRequest) -> Result<Option<&str>, Malformed> {
    let Some(header) = authorization(request)? else { return Ok(None) };
    let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Ok(None);
    }
    let token = token.trim_matches(' ');
    if token.is_empty() || token.contains(' ') { Err(Malformed::NotOneToken) } else { Ok(Some(token)) }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{AUTHORIZATION, HeaderValue};
    use actix_web::test::TestRequest;

    use super::{Malformed, token};

    fn read(headers: &[&[u8]]) -> Result<Option<String>, Malformed> {
        let mut request = TestRequest::get();
        for header in headers {
            request = request.append_header((AUTHORIZATION, HeaderValue::from_bytes(header).unwrap()));
        }
        token(&request.to_http_request()).map(|token| token.map(ToOwned::to_owned))
    }

    #[test]
    fn one_token_behind_the_scheme_is_a_credential() {
        for header in [&b"Bearer abc"[..], b"bearer abc", b"BEARER   abc"] {
            assert_eq!(read(&[header]), Ok(Some("abc".to_owned())), "{header:?}");
        }
    }

    #[test]
    fn no_header_and_another_scheme_present_nothing() {
        for headers in [&[][..], &[&b"Basic YTpi"[..]], &[b"Bearerabc"], &[b""]] {
            assert_eq!(read(headers), Ok(None), "{headers:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_malformed() {
        for header in [&b"Bearer"[..], b"Bearer ", b"bearer a b", b"Bearer  a  b"] {
            assert_eq!(read(&[header]), Err(Malformed::NotOneToken), "{header:?}");
        }
        assert_eq!(read(&[b"Bearer \xff"]), Err(Malformed::NotText));
        assert_eq!(read(&[b"Bearer abc", b"Bearer abc"]), Err(Malformed::Repeated));
    }
}
