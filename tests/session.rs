//! The CLI's session against a real relay, over a wire that can be cut.

#[cfg(test)]
mod against_a_real_relay {
    use std::net::SocketAddr;
    use std::time::Duration;

    use muxhook::dial::{DialOptions, Dialer};
    use muxhook::relay_url::RelayUrl;
    use muxhook::secret::Secret;
    use muxhook::session::{Ended, Session, Settings, Signal};
    use muxhook_link::Now;
    use muxhook_protocol::frame::{Ack, Owed, Role, Welcome};
    use muxhook_protocol::{Delivery, Headers, Outcome, Reply};
    use muxhook_relay::accounts::Token;
    use muxhook_relay::config::Config;
    use muxhook_relay::server::Relay;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::JoinHandle;
    use tokio_util::sync::CancellationToken;

    const TOKEN: &str = "a-token-that-is-long-enough-for-a-relay";

    struct House {
        relay: SocketAddr,
        stop: CancellationToken,
        _data: tempfile::TempDir,
    }

    impl House {
        async fn open() -> Self {
            let data = tempfile::tempdir().unwrap();
            let mut config = Config::embedded(
                data.path().into(),
                ([127, 0, 0, 1], 0).into(),
                Token::given(TOKEN).unwrap(),
            );
            config.hold = false;
            let relay = Relay::bind(config, Now::system()).await.unwrap();
            let (address, stop) = (relay.local_addrs()[0], CancellationToken::new());
            tokio::spawn(relay.run(stop.clone()));
            Self { relay: address, stop, _data: data }
        }

        /// Posts a webhook; gives back the whole answer.
        fn post(&self, welcome: &Welcome, body: &str) -> JoinHandle<String> {
            let path = welcome.public_url.split_once("/h/").unwrap().1;
            let request = format!(
                "POST /h/{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let relay = self.relay;
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(relay).await.unwrap();
                stream.write_all(request.as_bytes()).await.unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).await.unwrap();
                answer
            })
        }
    }

    impl Drop for House {
        fn drop(&mut self) {
            self.stop.cancel();
        }
    }

    /// A wire to the relay: each connection through it can be cut.
    struct Wire {
        listener: TcpListener,
        relay: SocketAddr,
        current: Option<JoinHandle<()>>,
    }

    impl Wire {
        async fn to(relay: SocketAddr) -> Self {
            Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap(), relay, current: None }
        }

        async fn accept(&mut self) {
            let (mut near, _) = self.listener.accept().await.unwrap();
            let relay = self.relay;
            self.current = Some(tokio::spawn(async move {
                let mut far = TcpStream::connect(relay).await.unwrap();
                let _ = copy_bidirectional(&mut near, &mut far).await;
            }));
        }

        fn cut(&mut self) {
            self.current.take().unwrap().abort();
        }
    }

    fn session(address: SocketAddr, token: &str) -> Session {
        let settings = Settings {
            relay: RelayUrl::parse(&format!("http://{address}"), false).unwrap(),
            token: Secret::new(token),
            endpoint: None,
            prefer: Vec::new(),
            role: Role::Listener,
            ack: Ack::App,
            owed: Owed::Deliver,
            since: None,
            agent: "muxhook/test".into(),
            retry: true,
        };
        Session::new(settings, Dialer::new(DialOptions::default()).unwrap())
    }

    async fn live(session: &mut Session, wire: &mut Wire) -> (Welcome, Option<Duration>) {
        let (signal, ()) = tokio::join!(session.next(), wire.accept());
        match signal.unwrap() {
            Signal::Live { welcome, down } => (welcome, down),
            other => panic!("not live: {other:?}"),
        }
    }

    async fn delivered(session: &mut Session) -> Box<Delivery> {
        match session.next().await.unwrap() {
            Signal::Deliver(delivery) => delivery,
            other => panic!("no delivery: {other:?}"),
        }
    }

    fn replied(body: &str) -> Outcome {
        let body = body.to_owned().into();
        Outcome::Replied(Reply { status: 201, headers: Headers::default(), body, truncated: false })
    }

    /// Waits for the sender's answer while the session runs.
    async fn answered(session: &mut Session, answer: JoinHandle<String>) -> String {
        tokio::select! {
            answer = answer => answer.unwrap(),
            signal = session.next() => panic!("not quiet: {signal:?}"),
        }
    }

    #[tokio::test]
    async fn a_cut_wire_loses_no_webhook() {
        let house = House::open().await;
        let mut wire = Wire::to(house.relay).await;
        let mut session = session(wire.listener.local_addr().unwrap(), TOKEN);
        let (welcome, down) = live(&mut session, &mut wire).await;
        assert_eq!(down, None);
        let large = "x".repeat(300_000);
        let (held, lost) = (house.post(&welcome, &large), delivered(&mut session).await);
        assert_eq!(lost.body, large);
        wire.cut();
        let missed = house.post(&welcome, "missed");
        assert!(matches!(session.next().await.unwrap(), Signal::Lost { .. }));
        session.settle(lost.id, &replied(&large));
        let (again, down) = live(&mut session, &mut wire).await;
        assert_eq!(again.public_url, welcome.public_url, "the address stays");
        assert!(down.is_some());
        let answers = async { (held.await.unwrap(), missed.await.unwrap()) };
        let (answer, missed) = tokio::select! {
            answers = answers => answers,
            () = async {
                while let Signal::Deliver(delivery) = session.next().await.unwrap() {
                    assert_eq!(delivery.body, "missed", "handed out twice");
                    session.settle(delivery.id, &replied("late but there"));
                }
            } => panic!("the session has something else to tell"),
        };
        assert!(answer.starts_with("HTTP/1.1 201 ") && answer.ends_with(&large));
        // Sent while the link was down: the relay has it for the session, or had no listener to give it to.
        assert!(missed.contains("late but there") || missed.starts_with("HTTP/1.1 503 "), "{missed}");
        let next = house.post(&welcome, "next");
        let delivery = delivered(&mut session).await;
        session.settle(delivery.id, &replied("fine"));
        assert!(answered(&mut session, next).await.ends_with("fine"));
    }

    #[tokio::test]
    async fn a_bad_token_ends_the_session() {
        let house = House::open().await;
        let ended =
            session(house.relay, "some-other-token-of-the-same-length-or-so").next().await.unwrap_err();
        assert!(matches!(ended, Ended::Unauthorized { .. }), "{ended}");
    }

    #[tokio::test]
    async fn a_hundred_large_answers_at_once_all_arrive() {
        let house = House::open().await;
        let mut wire = Wire::to(house.relay).await;
        let mut session = session(wire.listener.local_addr().unwrap(), TOKEN);
        let (welcome, _) = live(&mut session, &mut wire).await;
        let large = "x".repeat(100_000);
        let answers: Vec<_> = (0..100).map(|_| house.post(&welcome, "hello")).collect();
        let mut ids = Vec::new();
        for _ in 0..100 {
            ids.push(delivered(&mut session).await.id);
        }
        for id in ids {
            session.settle(id, &replied(&large));
        }
        for answer in answers {
            assert!(answered(&mut session, answer).await.ends_with(&large));
        }
    }
}
