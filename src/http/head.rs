//! HEAD. RFC 9110, 9.1: "All general-purpose servers MUST support the methods GET and HEAD", and 9.3.2: "The HEAD method is
//! identical to GET except that the server MUST NOT send content in the response".
//!
//! Every door is asked for the GET, so that no path can have the one without the other and nothing happens for a HEAD that a
//! GET would not do; of the answer the content stays behind.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{CONTENT_LENGTH, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};

/// Marks a request that came as a HEAD.
#[derive(Debug, Clone, Copy)]
struct CameAsHead;

/// Makes a GET of a HEAD. True when it was one: the answer is then for [`without_content`].
pub fn taken_as_get(request: &mut ServiceRequest) -> bool {
    let is_head = request.method() == Method::HEAD;
    if is_head {
        request.extensions_mut().insert(CameAsHead);
        request.head_mut().method = Method::GET;
    }
    is_head
}

/// True for a request that came as a HEAD.
pub fn is_head(request: &HttpRequest) -> bool {
    request.extensions().get::<CameAsHead>().is_some()
}

/// The answer with the headers of the GET, its `Content-Length` among them, and no content.
///
/// The HTTP library leaves the content of a HEAD out by itself, but by the request that it read last, which is another one
/// where a client sends several at once. Here there is nothing that it could send.
pub fn without_content(mut answer: HttpResponse<BoxBody>) -> HttpResponse<BoxBody> {
    let BodySize::Sized(length) = answer.body().size() else {
        return answer.set_body(BoxBody::new(Nothing(BodySize::None)));
    };
    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    // The length stands in the header that was set here; the library writes none of its own beside it.
    answer.head_mut().no_chunking(true);
    answer.set_body(BoxBody::new(Nothing(BodySize::Stream)))
}

/// A body that ends before it begins.
struct Nothing(BodySize);

impl MessageBody for Nothing {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use actix_web::middleware::from_fn;
    use actix_web::web::Data;
    use actix_web::{App, HttpServer};

    use crate::access::testing::world;
    use crate::http::testing::context;
    use crate::http::{mount, observe};

    /// What comes over the wire for `requests`, which are sent at once.
    async fn exchange(address: std::net::SocketAddr, requests: &'static str) -> String {
        let exchanged = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(requests.as_bytes()).unwrap();
            let mut answers = String::new();
            stream.read_to_string(&mut answers).unwrap();
            answers
        });
        exchanged.await.unwrap()
    }

    #[actix_web::test]
    async fn rfc9110_9_3_2_the_answer_to_a_head_tells_its_length_and_the_next_answer_follows_at_once() {
        const BOTH: &str = "HEAD /health/ready HTTP/1.1\r\nhost: id.test\r\n\r\n\
                            GET /health/live HTTP/1.1\r\nhost: id.test\r\nconnection: close\r\n\r\n";
        let world = world().await.remove(0);
        let data = Data::new(context(&world, "https://id.test").await);
        let app = move || App::new().app_data(data.clone()).wrap(from_fn(observe::observe)).configure(mount);
        let server = HttpServer::new(app).workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        let serving = actix_web::rt::spawn(server);
        let answers = exchange(address, BOTH).await;
        handle.stop(false).await;
        serving.await.unwrap().unwrap();
        let (head, get) = answers.split_once("\r\n\r\n").unwrap();
        let is_told = |part: &str, line: &str| part.lines().any(|told| told.eq_ignore_ascii_case(line));
        assert!(head.starts_with("HTTP/1.1 200 ") && is_told(head, "content-length: 18"), "{answers}");
        assert!(!is_told(head, "transfer-encoding: chunked"), "{answers}");
        assert!(get.starts_with("HTTP/1.1 200 ") && get.ends_with("{\"status\":\"live\"}"), "{answers}");
    }
}
