//! As much of HTTP as it takes to talk to a server on this machine.

use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::error::{Doing as _, Error, Result};

const PATIENCE: Duration = Duration::from_secs(30);

/// What a server is asked.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The method, such as `GET`.
    pub method: &'a str,
    /// Path and query, encoded.
    pub target: String,
    /// Further lines of the head; `Host`, `Connection` and `Content-Length` are added.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: &'a [u8],
}

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The lines of the head, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A line of the head, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Asks `http://127.0.0.1:<port><path>`; a body makes it a POST.
///
/// # Errors
/// Nobody listens, or what came back is not HTTP.
pub fn ask(port: u16, path: &str, body: Option<(&str, &[u8])>) -> Result<Answer> {
    let (kind, bytes) = body.unwrap_or(("text/plain", b""));
    let request = Request {
        method: if body.is_some() { "POST" } else { "GET" },
        target: path.to_owned(),
        headers: vec![("Content-Type".to_owned(), kind.to_owned())],
        body: bytes,
    };
    exchange(port, &request)
}

/// One request over a connection of its own.
///
/// # Errors
/// Nobody listens, or what came back is not HTTP.
pub fn exchange(port: u16, request: &Request<'_>) -> Result<Answer> {
    let url = format!("http://127.0.0.1:{port}{}", request.target);
    let exchange = || -> std::io::Result<Option<Answer>> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut head = format!(
            "{} {} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Length: {}\r\n",
            request.method,
            request.target,
            request.body.len()
        );
        for (name, value) in &request.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes())?;
        // Who refuses early answers without reading the rest.
        let written = stream.write_all(request.body);
        let answer = read_answer(&mut BufReader::new(stream), request.method == "HEAD")?;
        if answer.is_none() {
            written?;
        }
        Ok(answer)
    };
    exchange()
        .doing(|| format!("ask `{url}`"))?
        .ok_or_else(|| Error::Answer {
            url,
            answer: "something that is not HTTP".to_owned(),
        })
}

/// What somebody asks of a server here.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The lines of the head, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Reads a request, and tells a client that asks whether it may go on that it may; `None` when the client is gone.
///
/// # Errors
/// The stream breaks, or does not speak HTTP.
pub fn read_request(reader: &mut impl BufRead, writer: &mut impl std::io::Write) -> std::io::Result<Option<Asked>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut words = first.split(' ').map(str::to_owned);
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Err(std::io::Error::other(format!("`{}` is no request", first.trim_end())));
    };
    let headers = read_headers(reader)?;
    let value = |name: &str| header(&headers, name).map(str::to_ascii_lowercase);
    if value("expect").is_some_and(|expected| expected == "100-continue") {
        writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let body = match value("content-length").and_then(|length| length.parse().ok()) {
        _ if value("transfer-encoding").is_some_and(|coding| coding == "chunked") => read_chunks(reader)?,
        Some(length) => read_exactly(reader, length)?,
        None => Vec::new(),
    };
    Ok(Some(Asked {
        method,
        target,
        headers,
        body,
    }))
}

/// A line of a head, by its name in lower case.
pub fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

fn read_exactly(reader: &mut impl BufRead, bytes: usize) -> std::io::Result<Vec<u8>> {
    let mut body = vec![0; bytes];
    reader.read_exact(&mut body)?;
    Ok(body)
}

/// Reads an answer: `None` if it is not HTTP.
///
/// # Errors
/// The stream breaks.
pub fn read_answer(reader: &mut impl BufRead, is_head: bool) -> std::io::Result<Option<Answer>> {
    let (status, headers) = loop {
        let mut first = String::new();
        reader.read_line(&mut first)?;
        let Some(status) = first.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok()) else {
            return Ok(None);
        };
        let headers = read_headers(reader)?;
        // Words of encouragement are no answer.
        if status >= 200 {
            break (status, headers);
        }
    };
    let mut answer = Answer {
        status,
        headers,
        body: Vec::new(),
    };
    if is_head || matches!(status, 204 | 304) {
        return Ok(Some(answer));
    }
    if answer
        .header("transfer-encoding")
        .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
    {
        answer.body = read_chunks(reader)?;
    } else if let Some(length) = answer.header("content-length").and_then(|length| length.parse().ok()) {
        answer.body = read_exactly(reader, length)?;
    } else {
        reader.read_to_end(&mut answer.body)?;
    }
    Ok(Some(answer))
}

/// Reads the lines of a head up to the empty one, names in lower case.
///
/// # Errors
/// The stream breaks.
pub fn read_headers(reader: &mut impl BufRead) -> std::io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? <= 2 {
            return Ok(headers);
        }
        if let Some((name, value)) = line.trim_end().split_once(':') {
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
}

fn read_chunks(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = line.trim().split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).map_err(std::io::Error::other)?;
        body.append(&mut read_exactly(reader, size)?);
        reader.read_line(&mut line)?;
        if size == 0 {
            return Ok(body);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_by_length_in_chunks_and_to_the_end() {
        for (text, body) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd", "abc"),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
                "abc",
            ),
            ("HTTP/1.1 200 OK\r\n\r\nabc", "abc"),
        ] {
            let answer = read_answer(&mut text.as_bytes(), false).unwrap().unwrap();
            assert_eq!((answer.status, answer.text().as_str()), (200, body), "{text}");
        }
        assert!(read_answer(&mut &b"SSH-2.0\r\n"[..], false).unwrap().is_none());
        let cut = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab";
        assert!(read_answer(&mut cut.as_bytes(), false).is_err());
    }
}
