//! What a client accepts (RFC 7644, section 3.8). Every answer is `application/scim+json`, which is JSON: a client that takes
//! either is served, one that takes neither hears so before anything is done.

use actix_web::HttpRequest;
use actix_web::http::header::ACCEPT;

use super::failure::Failure;

/// The ranges that take an answer in.
const TAKEN: [&str; 4] = ["application/scim+json", "application/json", "application/*", "*/*"];

/// Refuses a request whose `Accept` leaves JSON out. None at all accepts everything.
pub fn check(request: &HttpRequest) -> Result<(), Failure> {
    let mut headers = request.headers().get_all(ACCEPT).peekable();
    if headers.peek().is_none() || headers.any(|value| value.to_str().is_ok_and(is_taken)) {
        Ok(())
    } else {
        Err(Failure::NotAcceptable)
    }
}

fn is_taken(header: &str) -> bool {
    header.trim().is_empty() || header.split(',').any(is_range_taken)
}

fn is_range_taken(range: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let is_named = TAKEN.iter().any(|known| known.eq_ignore_ascii_case(name));
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    is_named && weight.is_none_or(|weight| weight.parse().is_ok_and(|weight: f32| weight > 0.0))
}

#[cfg(test)]
mod tests {
    use super::is_taken;

    #[test]
    fn rfc7644_3_8_whoever_takes_json_is_served() {
        for accept in [
            "application/scim+json",
            "Application/JSON; charset=utf-8",
            "text/html, */*;q=0.1",
            "application/*",
            "",
            "text/plain, application/scim+json;q=0.5",
        ] {
            assert!(is_taken(accept), "{accept}");
        }
        for accept in ["text/html", "application/xml, text/plain", "application/json;q=0", "application/jsonp", "*"] {
            assert!(!is_taken(accept), "{accept}");
        }
    }
}
