//! A disk, or another process, that keeps the relay's database busy keeps nobody's webhook waiting.

use rusqlite::Connection;

use crate::harness::{Cli, Neighbour, Relay, hello, soon};

/// As another process in the middle of a change.
fn keep_busy(relay: &Relay) -> Connection {
    let writer = Connection::open(relay.dir.path().join("relay/relay.db")).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    writer
}

/// Webhooks and greetings that ask the database and change nothing.
async fn traffic(relay: &Relay, neighbour: &Neighbour) {
    for _ in 0..20 {
        neighbour.is_well().await;
        assert_eq!(relay.post("idle", "").await.by(), (200, "held"));
        assert_eq!(relay.post("nobody", "").await.status, 404);
        drop(relay.listen("known").await);
    }
}

#[tokio::test]
async fn a_new_endpoint_waits_for_the_database_alone() {
    let relay = Relay::start().await;
    let neighbour = Neighbour::of(&relay).await;
    drop((relay.listen("idle").await, relay.listen("known").await));
    relay.gone("idle").await;
    let busy = keep_busy(&relay);
    let (addr, token) = (relay.addr, relay.token.clone());
    let mut claim = tokio::spawn(async move { Cli::dial(addr, &token, hello("new")).await });
    tokio::select! {
        _ = &mut claim => panic!("it did not wait for the database, or everybody did"),
        () = traffic(&relay, &neighbour) => {}
    }
    busy.execute_batch("ROLLBACK").unwrap();
    assert!(soon(claim).await.unwrap().is_ok());
}

#[tokio::test]
async fn a_question_to_the_api_waits_for_the_database_alone() {
    let relay = Relay::start().await;
    let neighbour = Neighbour::of(&relay).await;
    drop((relay.listen("idle").await, relay.listen("known").await));
    relay.gone("idle").await;
    let busy = keep_busy(&relay);
    let (body, token) = ("{\"endpoint\":\"new\"}", relay.token.reveal());
    let mut client = relay.connect().await;
    client
        .send(format!(
            "POST /_relay/v1/endpoints HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
    let mut created = Box::pin(client.response());
    tokio::select! {
        _ = &mut created => panic!("it did not wait for the database, or everybody did"),
        () = traffic(&relay, &neighbour) => {}
    }
    busy.execute_batch("ROLLBACK").unwrap();
    assert_eq!(created.await.status, 201);
}
