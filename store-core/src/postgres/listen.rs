//! `LISTEN`, over a connection of its own. What was notified while the connection was down is lost:
//! the reader is told so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_postgres::AsyncMessage;

use super::connect::{Connector, RawConnection, quote_identifier, unavailable};
use super::dsn::chain;
use crate::Result;

/// Notices that wait for their reader; of more it is told that it missed some.
const QUEUE: usize = 1024;
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What a listener hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Somebody called `NOTIFY`.
    Notification {
        /// The channel.
        channel: String,
        /// What was sent along, possibly nothing.
        payload: String,
    },
    /// Something was missed, because the connection was lost, and is back, or because the reader was
    /// too slow: look for it.
    Reconnected,
}

/// Hears notifications until it is dropped.
#[derive(Debug)]
pub struct Listener {
    notices: mpsc::Receiver<Notice>,
    missed: Arc<AtomicBool>,
}

/// Where notices go.
#[derive(Debug, Clone)]
struct Reader {
    notices: mpsc::Sender<Notice>,
    missed: Arc<AtomicBool>,
}

impl Listener {
    pub(super) async fn start(connector: Connector, channels: &[&str]) -> Result<Self> {
        let statement: String = channels
            .iter()
            .map(|channel| format!("LISTEN {};", quote_identifier(channel)))
            .collect();
        let (sender, notices) = mpsc::channel(QUEUE);
        let missed = Arc::new(AtomicBool::new(false));
        let reader = Reader { notices: sender, missed: Arc::clone(&missed) };
        let first = connector.connect_raw().await?;
        tokio::spawn(keep_listening(connector, statement, first, reader));
        let mut listener = Self { notices, missed };
        // The task says so when it listens; a notification sent before that would not be heard.
        match listener.notices.recv().await {
            Some(Notice::Reconnected) => Ok(listener),
            _ => Err(unavailable("LISTEN was refused".into())),
        }
    }

    /// Waits for the next notice.
    pub async fn next(&mut self) -> Option<Notice> {
        // It is set when the queue is full: there is something to receive, and then this is asked.
        if self.missed.swap(false, Ordering::AcqRel) {
            return Some(Notice::Reconnected);
        }
        self.notices.recv().await
    }
}

/// Listens, and connects again whenever the connection ends, until nobody hears it any more.
async fn keep_listening(
    connector: Connector,
    statement: String,
    first: RawConnection,
    reader: Reader,
) {
    let mut next = Some(first);
    let mut wait = FIRST_WAIT;
    loop {
        if let Some(connection) = next.take() {
            let lost = tokio::select! {
                lost = hear(connection, &statement, &reader) => lost,
                () = reader.notices.closed() => return,
            };
            tracing::debug!(cause = lost, "listener lost its connection");
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = reader.notices.closed() => return,
        }
        match connector.connect_raw().await {
            Ok(connection) => {
                next = Some(connection);
                wait = FIRST_WAIT;
            }
            Err(_still_down) => wait = (wait * 2).min(LONGEST_WAIT),
        }
    }
}

/// Forwards notifications until the connection ends; returns why.
async fn hear((client, mut connection): RawConnection, statement: &str, reader: &Reader) -> String {
    let listen = async {
        match client.batch_execute(statement).await {
            Ok(()) => {
                // Nobody reads only when nobody is left to tell.
                drop(reader.notices.send(Notice::Reconnected).await);
                std::future::pending::<String>().await
            }
            Err(error) => chain(&error),
        }
    };
    let forward = async {
        loop {
            match std::future::poll_fn(|context| connection.poll_message(context)).await {
                Some(Ok(AsyncMessage::Notification(notification))) => {
                    let notice = Notice::Notification {
                        channel: notification.channel().to_owned(),
                        payload: notification.payload().to_owned(),
                    };
                    if reader.notices.try_send(notice).is_err() {
                        reader.missed.store(true, Ordering::Release);
                    }
                }
                Some(Ok(_other)) => {}
                Some(Err(error)) => return chain(&error),
                None => return "the server closed the connection".to_owned(),
            }
        }
    };
    tokio::select! {
        why = listen => why,
        why = forward => why,
    }
}
