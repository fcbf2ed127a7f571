//! A host's connection, with or without TLS.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

/// A host's connection. It counts itself among the open ones.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    /// Held for its end.
    _open: Open,
}

#[derive(Debug)]
enum Stream {
    Plain(UnixStream),
    Tls(Box<TlsStream<UnixStream>>),
}

/// How many connections are open. Clones share the count.
#[derive(Clone, Debug)]
pub struct Count(Arc<watch::Sender<usize>>);

/// One of them, until it is dropped.
#[derive(Debug)]
struct Open(Count);

impl Default for Count {
    fn default() -> Self {
        Count(Arc::new(watch::Sender::new(0)))
    }
}

impl Count {
    fn one(&self) -> Open {
        self.0.send_modify(|count| *count += 1);
        Open(self.clone())
    }

    /// Waits until there was a connection and then was none for as long as `patience`: the host is gone without a word.
    pub async fn hung_up(&self, patience: Duration) {
        let mut open = self.0.subscribe();
        let _ = open.wait_for(|count| *count > 0).await;
        loop {
            let _ = open.wait_for(|count| *count == 0).await;
            if tokio::time::timeout(patience, open.wait_for(|count| *count > 0))
                .await
                .is_err()
            {
                return;
            }
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl Connection {
    /// In plain text: the host asked for it, or a debugger's.
    #[must_use]
    pub fn plain(stream: UnixStream, count: &Count) -> Self {
        Connection {
            stream: Stream::Plain(stream),
            _open: count.one(),
        }
    }

    /// Verified in both directions.
    #[must_use]
    pub fn tls(stream: TlsStream<UnixStream>, count: &Count) -> Self {
        Connection {
            stream: Stream::Tls(Box::new(stream)),
            _open: count.one(),
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_host_that_went_away_is_noticed() {
        let count = Count::default();
        let patience = Duration::from_millis(20);
        let hung_up = count.hung_up(patience);
        tokio::pin!(hung_up);
        let soon = Duration::from_millis(60);
        assert!(
            tokio::time::timeout(soon, hung_up.as_mut()).await.is_err(),
            "nobody was there yet"
        );
        let first = count.one();
        let second = count.one();
        drop(first);
        assert!(
            tokio::time::timeout(soon, hung_up.as_mut()).await.is_err(),
            "one is still there"
        );
        drop(second);
        tokio::time::timeout(Duration::from_secs(10), hung_up).await.unwrap();
    }
}
