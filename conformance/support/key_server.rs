//! A server on loopback that publishes a key set, which tests can change, and counts how often it was fetched.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The server. It ends when it goes out of scope.
pub struct KeyServer {
    pub url: String,
    document: Arc<Mutex<String>>,
    fetched: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl KeyServer {
    /// Publishes these keys.
    pub async fn start(keys: &[Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let url = format!("http://{}/keys", listener.local_addr().expect("a bound socket has an address"));
        let (document, fetched) = (Arc::new(Mutex::new(String::new())), Arc::new(AtomicUsize::new(0)));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&document), Arc::clone(&fetched)));
        let server = Self { url, document, fetched, accepting };
        server.publish(keys);
        server
    }

    /// Publishes these keys instead.
    pub fn publish(&self, keys: &[Value]) {
        let document = serde_json::json!({ "keys": keys }).to_string();
        *self.document.lock().unwrap_or_else(PoisonError::into_inner) = document;
    }

    /// How often the keys were fetched.
    pub fn fetched(&self) -> usize {
        self.fetched.load(Ordering::SeqCst)
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, document: Arc<Mutex<String>>, fetched: Arc<AtomicUsize>) {
    while let Ok((stream, _)) = listener.accept().await {
        fetched.fetch_add(1, Ordering::SeqCst);
        let body = document.lock().unwrap_or_else(PoisonError::into_inner).clone();
        tokio::spawn(answer(stream, body));
    }
}

async fn answer(mut stream: TcpStream, body: String) {
    let mut request = [0; 4096];
    let _ = stream.read(&mut request).await;
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/jwk-set+json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all((head + &body).as_bytes()).await;
}
