//! What a hostile, broken or newer CLI may send: each case ends that session alone, says why, and disturbs nobody.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use muxhook_link::LinkError;
use muxhook_protocol::frame::{Hello, PART_SIZE, RefusedCode, encode_part};
use muxhook_protocol::parts::Outgoing;
use muxhook_protocol::{DeliveryId, Frame};
use muxhook_relay::accounts::Token;
use tokio::join;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Cli, Neighbour, Relay, hello, replied, short_deadline, skipped, soon, upgrade};

/// The upgrade as it should be, with one line of its head replaced.
async fn upgrade_with(relay: &Relay, line: &str, by: &str) -> crate::harness::Response {
    let token = relay.token.reveal();
    let head = format!(
        "GET /_relay/v1/connect HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: Upgrade\r\n\
         upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
         sec-websocket-protocol: muxhook.v1\r\n\r\n"
    );
    assert!(head.contains(line), "{line}");
    relay.ask(head.replace(line, by)).await
}

#[tokio::test]
async fn an_upgrade_as_it_should_be_is_one() {
    let relay = Relay::start().await;
    let response = upgrade_with(&relay, "host: x", "host: y").await;
    assert_eq!((response.status, response.get("sec-websocket-protocol")), (101, "muxhook.v1"));
    // Of several subprotocols the relay's own is taken; tokens have no case (RFC 6455 §4.2.1).
    let response = upgrade_with(&relay, "muxhook.v1", "chat, muxhook.v1").await;
    assert_eq!((response.status, response.get("sec-websocket-protocol")), (101, "muxhook.v1"));
    let response = upgrade_with(&relay, "connection: Upgrade", "connection: keep-alive, upgrade").await;
    assert_eq!(response.status, 101);
}

#[tokio::test]
async fn without_a_good_token_there_is_no_session() {
    let relay = Relay::start().await;
    let neighbour = Neighbour::of(&relay).await;
    let authorization = format!("authorization: Bearer {}\r\n", relay.token.reveal());
    let wrong = format!("authorization: Bearer {}\r\n", Token::random().unwrap().reveal());
    let basic = authorization.replace("Bearer", "Basic");
    for instead in ["", &*wrong, &*basic, "authorization: Bearer \r\n", "authorization: \u{ff}\r\n"] {
        let response = upgrade_with(&relay, &authorization, instead).await;
        assert_eq!((response.status, response.get("www-authenticate")), (401, "Bearer"), "{instead}");
        let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(body["error"], "unauthorized", "{instead}");
    }
    neighbour.is_well().await;
}

#[tokio::test]
async fn what_is_no_websocket_of_ours_is_told_what_is() {
    let relay = Relay::start().await;
    for (line, instead) in [
        ("GET ", "POST "),
        ("connection: Upgrade\r\n", ""),
        ("upgrade: websocket", "upgrade: h2c"),
        ("sec-websocket-version: 13", "sec-websocket-version: 12"),
        ("sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n", ""),
        ("sec-websocket-protocol: muxhook.v1\r\n", ""),
        ("sec-websocket-protocol: muxhook.v1", "sec-websocket-protocol: muxhook.v2"),
    ] {
        let response = upgrade_with(&relay, line, instead).await;
        let told = (response.status, response.get("upgrade"), response.get("sec-websocket-version"));
        assert_eq!(told, (426, "websocket", "13"), "{instead}");
        assert!(response.text().contains("muxhook.v1"), "{instead}");
    }
}

#[tokio::test]
async fn an_endpoint_of_another_account_is_taken() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let refused = Cli::dial(relay.addr, &relay.stranger(), hello("shop")).await.err().expect("refused");
    assert_eq!((refused.code, refused.fatal), (RefusedCode::EndpointTaken, true));
    assert!(refused.message.contains("shop"), "{}", refused.message);
    let (response, _) = join!(relay.post("shop", ""), cli.handle(replied(200, &[], "")));
    assert_eq!(response.by(), (200, "app"));
}

#[tokio::test]
async fn a_preferred_endpoint_of_another_account_is_passed_over() {
    let relay = Relay::start().await;
    let _cli = relay.listen("shop").await;
    let prefer = vec!["shop".parse().unwrap(), "nobodys".parse().unwrap()];
    let hello = Hello { endpoint: None, prefer, ..hello("shop") };
    let cli = Cli::dial(relay.addr, &relay.stranger(), hello).await.expect("welcome");
    assert_eq!(cli.welcome.endpoint.as_str().len(), 26, "a new one: {}", cli.welcome.endpoint);
    assert_eq!(cli.welcome.account, "stranger");
}

#[tokio::test]
async fn an_endpoint_has_so_many_sessions_and_no_more() {
    let relay = Relay::with(|config| config.limits.sessions_per_endpoint = 2).await;
    let (one, _two) = (relay.listen("shop").await, relay.observe("shop").await);
    // The first word of the relay must be the refusal, not a welcome that does not hold.
    let refused = Cli::dial(relay.addr, &relay.token, hello("shop")).await.err().expect("refused");
    assert_eq!((refused.code, refused.fatal), (RefusedCode::TooManySessions, false));
    drop(one);
    relay.wait_for("shop", (0, 1)).await;
    relay.listen("shop").await;
}

#[tokio::test]
async fn a_relay_has_so_many_sessions_and_no_more() {
    let relay = Relay::with(|config| config.limits.max_listeners = 1).await;
    let _one = relay.listen("shop").await;
    let response = upgrade_with(&relay, "host: x", "host: y").await;
    assert_eq!((response.status, response.get("retry-after")), (503, "5"));
    assert!(response.text().contains("too_many_sessions"));
}

#[tokio::test]
async fn a_listener_is_told_how_many_others_there_are() {
    let relay = Relay::start().await;
    let greeting = hello("shop");
    let one = relay.dial(greeting.clone()).await;
    let _looks = relay.observe("shop").await;
    assert_eq!((one.welcome.others, relay.listen("shop").await.welcome.others), (0, 1));
    relay.wait_for("shop", (1, 1)).await;
    // Its old session, which the relay may not have missed yet, is no other.
    assert_eq!(relay.dial(greeting).await.welcome.others, 0);
}

/// A session on `endpoint` whose every byte is the test's.
async fn raw(relay: &Relay, endpoint: &str) -> WebSocketStream<TcpStream> {
    let mut socket = upgrade(relay.addr, &relay.token).await.unwrap();
    socket.send(Message::Binary(Frame::Hello(hello(endpoint)).encode())).await.unwrap();
    assert!(matches!(frame(&mut socket).await, Frame::Welcome(_)));
    socket
}

async fn frame(socket: &mut WebSocketStream<TcpStream>) -> Frame {
    match soon(socket.next()).await.unwrap().unwrap() {
        Message::Binary(bytes) => Frame::decode(bytes).unwrap(),
        other => panic!("not a frame: {other:?}"),
    }
}

/// How the relay ends a session: the close code (RFC 6455 §7.4.1) and the reason it gives.
async fn goodbye(socket: &mut WebSocketStream<TcpStream>) -> (u16, String) {
    loop {
        match soon(socket.next()).await.expect("a goodbye") {
            Ok(Message::Close(Some(close))) => return (close.code.into(), close.reason.to_string()),
            Ok(Message::Close(None)) => return (1005, String::new()),
            Ok(_) => {}
            Err(error) => panic!("no goodbye: {error}"),
        }
    }
}

fn id(number: u64) -> DeliveryId {
    DeliveryId::new(number, &[0; 10])
}

/// Frames that no CLI sends, each with a word of the reason it is told.
fn breaches() -> Vec<(&'static str, Message, &'static str)> {
    let binary = |bytes: &[u8]| Message::Binary(Bytes::copy_from_slice(bytes));
    let frame = |frame: Frame| Message::Binary(frame.encode());
    let outcome = |size: u64| {
        binary(
            format!(
                "{{\"frame\":\"outcome\",\"id\":\"{}\",\"result\":\"replied\",\"status\":200,\"headers\":[],\
                 \"truncated\":false,\"size\":{size}}}\nbody",
                id(1)
            )
            .as_bytes(),
        )
    };
    vec![
        ("text", Message::Text("{\"frame\":\"hello\"}\n".into()), "text"),
        ("garbage", binary(&[0xff; 100]), "newline"),
        ("empty", binary(b""), "newline"),
        ("a head that is no JSON", binary(b"{\"frame\":\n"), "head"),
        ("a head without an end", binary(&vec![b' '; 300 * 1024]), "head"),
        ("beyond the largest message", binary(&vec![b' '; 400 * 1024]), "too long"),
        ("a part that continues nothing", Message::Binary(encode_part(id(1), 0, true, b"x")), "part"),
        ("more body than announced", outcome(3), "body"),
        ("an answer that is too large", outcome(1024 * 1024 + 1), "above"),
        ("a second greeting", frame(Frame::Hello(hello("shop"))), "out of place"),
        ("the relay's own frame", frame(Frame::Answered { id: id(1) }), "out of place"),
    ]
}

#[tokio::test]
async fn a_breach_of_the_protocol_ends_its_session_alone_and_is_told_why() {
    let relay = Relay::start().await;
    let neighbour = Neighbour::of(&relay).await;
    for (what, message, reason) in breaches() {
        let mut socket = raw(&relay, "shop").await;
        // The relay may say goodbye before it has taken everything.
        let _ = soon(socket.send(message)).await;
        let told = goodbye(&mut socket).await;
        assert_eq!(told.0, 1002, "{what}: {told:?}");
        assert!(told.1.contains(reason), "{what}: {told:?}");
        relay.gone("shop").await;
        neighbour.is_well().await;
    }
}

#[tokio::test]
async fn a_body_cut_wrongly_ends_its_session_alone() {
    let relay = Relay::start().await;
    let neighbour = Neighbour::of(&relay).await;
    let begin = format!(
        "{{\"frame\":\"outcome\",\"id\":\"{}\",\"result\":\"replied\",\"status\":200,\"headers\":[],\
         \"truncated\":false,\"size\":100}}\nbegin",
        id(1)
    );
    for (what, part) in [
        ("a hole", encode_part(id(1), 6, false, b"x")),
        ("an early end", encode_part(id(1), 5, true, b"x")),
        ("an end that is none", encode_part(id(1), 5, false, &[0; 95])),
        ("beyond its end", encode_part(id(1), 5, true, &[0; 96])),
        ("nothing", encode_part(id(1), 5, false, b"")),
    ] {
        let mut socket = raw(&relay, "shop").await;
        socket.send(Message::Binary(begin.clone().into())).await.unwrap();
        socket.send(Message::Binary(part)).await.unwrap();
        assert_eq!(goodbye(&mut socket).await.0, 1002, "{what}");
    }
    // A link that ends in the middle of a body leaves nothing behind.
    let mut socket = raw(&relay, "shop").await;
    socket.send(Message::Binary(begin.into())).await.unwrap();
    drop(socket);
    relay.gone("shop").await;
    neighbour.is_well().await;
}

#[tokio::test]
async fn what_is_no_greeting_is_refused() {
    let relay = Relay::start().await;
    let endpoint = Hello { listener: String::new(), ..hello("shop") };
    for first in [Frame::Answered { id: id(1) }, Frame::Hello(endpoint)] {
        let mut socket = upgrade(relay.addr, &relay.token).await.unwrap();
        socket.send(Message::Binary(first.encode())).await.unwrap();
        match frame(&mut socket).await {
            Frame::Refused(refused) => {
                assert_eq!((refused.code, refused.fatal), (RefusedCode::Protocol, true))
            }
            other => panic!("{other:?}"),
        }
    }
    let mut socket = upgrade(relay.addr, &relay.token).await.unwrap();
    socket.send(Message::Text("hello".into())).await.unwrap();
    assert_eq!(goodbye(&mut socket).await.0, 1002);
    assert_eq!(relay.live("shop").await, (0, 0));
}

#[tokio::test]
async fn a_newer_clis_frames_and_keys_are_skipped() {
    let relay = Relay::start().await;
    let mut socket = upgrade(relay.addr, &relay.token).await.unwrap();
    let hello = Frame::Hello(hello("shop")).encode();
    let newer = String::from_utf8(hello.to_vec()).unwrap().replace("{\"frame\"", "{\"mood\":[1],\"frame\"");
    socket.send(Message::Binary(newer.into())).await.unwrap();
    assert!(matches!(frame(&mut socket).await, Frame::Welcome(_)));
    socket
        .send(Message::Binary(Bytes::from_static(b"{\"frame\":\"weather\",\"sun\":true}\nshine")))
        .await
        .unwrap();
    let act = async {
        let Frame::Deliver { delivery, .. } = frame(&mut socket).await else { panic!("no delivery") };
        let outcome = Outgoing::outcome(delivery.id, &replied(200, &[], "still here"));
        socket.send(Message::Binary(outcome.first().clone())).await.unwrap();
    };
    let (response, ()) = join!(relay.post("shop", ""), act);
    assert_eq!(response.text(), "still here");
}

#[tokio::test]
async fn an_outcome_for_nothing_changes_nothing() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    cli.settle(id(1), replied(200, &[], "for nothing"));
    cli.confirmed().await;
    let twice = async {
        let delivery = cli.handle(replied(200, &[], "once")).await;
        cli.settle(delivery.id, replied(500, &[], "twice"));
        cli.confirmed().await;
    };
    let (response, ()) = join!(relay.post("shop", ""), twice);
    assert_eq!(response.text(), "once");
    let (response, _) = join!(relay.post("shop", ""), cli.handle(skipped()));
    assert_eq!(response.by(), (200, "skipped"));
}

#[tokio::test]
async fn nobody_settles_somebody_elses_delivery() {
    let relay = Relay::with(short_deadline).await;
    let (greeting, token) = (hello("shop"), relay.stranger());
    let mut cli = relay.dial(greeting.clone()).await;
    let stranger = Cli::dial(relay.addr, &token, hello("elsewhere")).await.expect("welcome");
    let colleague = relay.listen("another-of-ours").await;
    let meddle = async {
        let id = cli.delivery().await.id;
        for other in [&stranger, &colleague] {
            other.settle(id, replied(200, &[], "forged"));
            other.confirmed().await;
        }
        // Nor does a stranger who claims to be that listener and to have it in hand.
        let claim = Hello { listener: greeting.listener.clone(), resume: vec![id], ..hello("elsewhere-too") };
        let thief = Cli::dial(relay.addr, &token, claim).await.expect("welcome");
        thief.settle(id, replied(200, &[], "forged"));
        thief.confirmed().await;
        id
    };
    let (response, id) = join!(relay.post("shop", ""), meddle);
    assert_eq!(response.error(), (504, "app_timeout".into()));
    assert_eq!(cli.next().await.unwrap(), Frame::Answered { id });
}

#[tokio::test]
async fn large_answers_beyond_what_a_session_may_have_under_way_end_it() {
    let relay = Relay::start().await;
    let mut socket = raw(&relay, "shop").await;
    let body = Bytes::from(vec![0; PART_SIZE + 1]);
    for number in 0..65 {
        let answer = Outgoing::outcome(id(number), &replied(200, &[], body.clone()));
        let _ = soon(socket.send(Message::Binary(answer.first().clone()))).await;
    }
    let told = goodbye(&mut socket).await;
    assert!(told.0 == 1002 && told.1.contains("more than 64"), "{told:?}");
}

#[tokio::test]
async fn a_revoked_token_opens_no_new_session() {
    let relay = Relay::start().await;
    let token = relay.accounts.create_token(&"default".parse().unwrap(), "laptop").unwrap();
    drop(Cli::dial(relay.addr, &token.secret, hello("shop")).await.expect("welcome"));
    relay.accounts.revoke_token(&token.id).unwrap();
    match *upgrade(relay.addr, &token.secret).await.unwrap_err() {
        tokio_tungstenite::tungstenite::Error::Http(response) => assert_eq!(response.status(), 401),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_endpoint_that_changed_hands_leaves_the_old_owner_nothing() {
    let relay = Relay::start().await;
    let mut old = relay.listen("shop").await;
    // As another process on the same data folder would.
    assert!(relay.accounts.delete_endpoint(&"default".parse().unwrap(), &"shop".parse().unwrap()).unwrap());
    let mut new = Cli::dial(relay.addr, &relay.stranger(), hello("shop")).await.expect("welcome");
    assert_eq!(new.welcome.others, 0);
    assert!(matches!(old.next().await, Err(LinkError::Closed)));
    let (response, _) = join!(relay.post("shop", ""), new.handle(replied(200, &[], "the new owner's")));
    assert_eq!(response.text(), "the new owner's");
    let refused = Cli::dial(relay.addr, &relay.token, hello("shop")).await.err().expect("refused");
    assert_eq!(refused.code, RefusedCode::EndpointTaken);
}

#[tokio::test]
async fn an_endpoint_is_deleted_once_nobody_listens() {
    let relay = Relay::start().await;
    let mut observer = relay.observe("shop").await;
    let token = relay.token.reveal();
    let delete = format!(
        "DELETE /_relay/v1/endpoints/shop HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    let refused = relay.ask(delete.clone()).await;
    assert!(refused.status == 409 && refused.text().contains("endpoint_in_use"), "{refused:?}");
    let (response, _) = join!(relay.post("shop", ""), observer.next());
    assert_eq!(response.status, 200, "the observer goes on");
    drop(observer);
    while relay.ask(delete.clone()).await.status != 204 {
        tokio::task::yield_now().await;
    }
    assert_eq!(relay.post("shop", "").await.error(), (404, "unknown_endpoint".into()));
}
