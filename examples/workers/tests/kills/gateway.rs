//! A way to the database that can be cut.

use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Forwards connections of one worker to the database.
#[derive(Clone)]
pub struct Gateway {
    pub port: u16,
    is_open: Arc<watch::Sender<bool>>,
}

impl Gateway {
    pub async fn to(database: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let is_open = Arc::new(watch::Sender::new(true));
        let opened = is_open.clone();
        tokio::spawn(async move {
            while let Ok((mut worker, _)) = listener.accept().await {
                let mut open = opened.subscribe();
                tokio::spawn(async move {
                    // A connection of a worker that is cut off is reset.
                    if !*open.borrow_and_update() {
                        return;
                    }
                    let Ok(mut server) = TcpStream::connect(("127.0.0.1", database)).await else {
                        return;
                    };
                    tokio::select! {
                        _ = copy_bidirectional(&mut worker, &mut server) => {}
                        _ = open.wait_for(|open| !open) => {}
                    }
                });
            }
        });
        Self { port, is_open }
    }

    pub fn set_open(&self, is_open: bool) {
        self.is_open.send_replace(is_open);
    }
}
