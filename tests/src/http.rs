//! As much of HTTP as it takes to talk to a server on this machine.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::error::{Doing as _, Error, Result};

const PATIENCE: Duration = Duration::from_secs(30);

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Asks `http://127.0.0.1:<port><path>`; a body makes it a POST.
///
/// # Errors
/// Nobody listens, or what came back is not HTTP.
pub fn ask(port: u16, path: &str, body: Option<(&str, &[u8])>) -> Result<Answer> {
    let url = format!("http://127.0.0.1:{port}{path}");
    let exchange = || -> std::io::Result<(String, Vec<u8>)> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let method = if body.is_some() { "POST" } else { "GET" };
        let (kind, bytes) = body.unwrap_or(("text/plain", b""));
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
             Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            bytes.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(bytes)?;
        let mut reader = BufReader::new(stream);
        let mut status = String::new();
        reader.read_line(&mut status)?;
        let mut line = String::new();
        while reader.read_line(&mut line)? > 2 {
            line.clear();
        }
        let mut body = Vec::new();
        reader.read_to_end(&mut body)?;
        Ok((status, body))
    };
    let (status, body) = exchange().doing(|| format!("ask `{url}`"))?;
    match status.split(' ').nth(1).and_then(|code| code.parse().ok()) {
        Some(status) => Ok(Answer { status, body }),
        None => Err(Error::Answer {
            url,
            answer: format!("`{}`, which is not HTTP", status.trim_end()),
        }),
    }
}

/// A port of this machine that nobody listens on at this moment.
///
/// # Errors
/// The machine has none.
pub fn free_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).doing(|| "find a free port".to_owned())?;
    Ok(listener.local_addr().doing(|| "find a free port".to_owned())?.port())
}
