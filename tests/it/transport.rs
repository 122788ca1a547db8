//! The transport of real use: at which step an exchange fails, and that the error keeps its cause.

use std::error::Error;
use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::thread;

use bytes::Bytes;
use tagspace::transport::TransportError;
use tagspace::{HttpTransport, Transport};

/// What becomes of a request to this address.
fn failed(address: &str) -> TransportError {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let request = http::Request::get(address).body(Bytes::new()).unwrap();
    runtime.block_on(HttpTransport::without_proxy().unwrap().send(request)).unwrap_err()
}

/// The causes of an error, from the outermost to the innermost.
fn causes(error: &TransportError) -> Vec<String> {
    let (mut all, mut next) = (Vec::new(), error.source());
    while let Some(cause) = next {
        all.push(cause.to_string());
        next = cause.source();
    }
    all
}

/// A server that takes each connection, reads a little and closes it.
fn closing_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.unwrap().read(&mut [0; 16]);
        }
    });
    address
}

#[test]
fn an_unknown_name_is_told_as_one() {
    let error = failed("https://nowhere.invalid/");
    assert!(matches!(error, TransportError::Dns(_)), "{error:?}");
    assert!(causes(&error).len() > 1, "{error:?}");
}

#[test]
fn a_refused_connection_keeps_the_systems_error() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = failed(&format!("http://{free}/"));
    assert!(matches!(error, TransportError::Connect(_)), "{error:?}");
    assert!(causes(&error).last().unwrap().contains("refused"), "{error:?}");
}

#[test]
fn a_server_without_tls_fails_at_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        use std::io::Write;
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 16]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let error = failed(&format!("https://{address}/"));
    assert!(matches!(error, TransportError::Tls(_)), "{error:?}");
}

#[test]
fn a_connection_that_breaks_is_a_reset_with_its_cause() {
    let error = failed(&format!("http://{}/", closing_server()));
    assert!(matches!(error, TransportError::Reset(_)), "{error:?}");
    assert!(!causes(&error).is_empty());
}
