//! A stream of which is known when a byte last went or came: whoever stalls, anywhere, is noticed by that.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How a connection goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    /// When the last byte went or came.
    pub(super) at: Instant,
    /// Whether bytes have come since the last that went, and no answer goes yet.
    pub(super) is_within_headers: bool,
    /// Whether a byte waits to go.
    pub(super) is_within_answer: bool,
}

/// A stream that is watched.
pub(super) struct Watched<S> {
    inner: S,
    progress: Rc<Cell<Progress>>,
}

impl<S> Watched<S> {
    pub(super) fn new(inner: S) -> Self {
        let progress = Progress { at: Instant::now(), is_within_headers: true, is_within_answer: false };
        Self { inner, progress: Rc::new(Cell::new(progress)) }
    }

    pub(super) fn progress(&self) -> Rc<Cell<Progress>> {
        Rc::clone(&self.progress)
    }

    fn note(&self, change: impl FnOnce(&mut Progress)) {
        let mut progress = self.progress.get();
        change(&mut progress);
        self.progress.set(progress);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            // A byte of headers now and then does not make them come in time.
            self.note(|progress| {
                if !progress.is_within_headers {
                    progress.at = Instant::now();
                }
                progress.is_within_headers = true;
            });
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.inner).poll_write(cx, bytes);
        let has_gone = matches!(result, Poll::Ready(Ok(count)) if count > 0);
        self.note(|progress| {
            progress.is_within_answer = result.is_pending();
            if has_gone {
                (progress.at, progress.is_within_headers) = (Instant::now(), false);
            }
        });
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.inner).poll_flush(cx);
        if result.is_pending() {
            self.note(|progress| progress.is_within_answer = true);
        } else {
            self.note(|progress| progress.is_within_answer = false);
        }
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
