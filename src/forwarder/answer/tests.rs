use proptest::prelude::*;

use super::*;

/// What comes of `bytes` that arrive in pieces of `sizes`, around and around, before the connection ends.
fn read_in(bytes: &[u8], sizes: &[usize]) -> Result<Reply, Fault> {
    let mut reader = AnswerReader::default();
    let mut buf = BytesMut::new();
    let mut rest = bytes;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, behind) = rest.split_at((*size).clamp(1, rest.len()));
        buf.extend_from_slice(piece);
        rest = behind;
        if let Some(answer) = reader.advance(&mut buf)? {
            return Ok(answer.reply);
        }
    }
    reader.end(&mut buf).map(|answer| answer.reply)
}

fn read(bytes: &[u8]) -> Result<Reply, Fault> {
    read_in(bytes, &[usize::MAX])
}

fn body(bytes: &[u8]) -> Result<String, Fault> {
    read(bytes).map(|reply| String::from_utf8_lossy(&reply.body).into_owned())
}

/// Whether the connection could carry another request, and what lies behind the answer.
fn persistent(bytes: &[u8]) -> (bool, Vec<u8>) {
    let mut buf = BytesMut::from(bytes);
    let answer = AnswerReader::default().advance(&mut buf).unwrap().unwrap();
    (answer.persistent, buf.to_vec())
}

#[test]
fn a_plain_answer_is_read() {
    let reply = read(
        b"HTTP/1.1 201 Created\r\nX-Twice: 1\r\nServer: \xe9\x80\r\nx-twice: 2\r\nx-empty:\r\nContent-Length: 5\r\n\r\nhello",
    )
    .unwrap();
    assert_eq!((reply.status, &*reply.body, reply.truncated), (201, &b"hello"[..], false));
    let fields: Vec<_> = reply.headers.iter().collect();
    let expected: [(&str, &[u8]); 4] =
        [("x-twice", b"1"), ("server", b"\xe9\x80"), ("x-twice", b"2"), ("x-empty", b"")];
    assert_eq!(fields, expected);
}

#[test]
fn fields_of_the_connection_stay_behind() {
    let reply = read(
        b"HTTP/1.1 200 OK\r\nConnection: X-Hop, keep-alive\r\nKeep-Alive: timeout=5\r\nx-hop: 1\r\nUpgrade: h2c\r\n\
          X-End: 1\r\nTransfer-Encoding: chunked\r\nTrailer: x-t\r\n\r\n0\r\nx-t: 1\r\n\r\n",
    )
    .unwrap();
    assert_eq!(reply.headers.iter().collect::<Vec<_>>(), [("x-end", &b"1"[..])]);
}

#[test]
fn every_framing_ends_where_it_should() {
    assert_eq!(body(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcdef").unwrap(), "abc");
    assert_eq!(
        body(b"HTTP/1.1 200 OK\r\ncontent-length: 3, 3\r\ncontent-length: 3\r\n\r\nabc").unwrap(),
        "abc"
    );
    assert_eq!(body(b"HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n").unwrap(), "");
    assert_eq!(body(b"HTTP/1.0 200 OK\r\n\r\nuntil the end").unwrap(), "until the end");
    assert_eq!(body(b"HTTP/1.1 204 No Content\r\ncontent-length: 3\r\n\r\nabc").unwrap(), "");
    assert_eq!(body(b"HTTP/1.1 304 Not Modified\r\ntransfer-encoding: chunked\r\n\r\n").unwrap(), "");
    let chunked =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=\"y\"\r\nabc\r\n00A \r\n0123456789\r\n\
        0\r\nx-trailer: 1\r\n\r\nbehind";
    assert_eq!(body(chunked).unwrap(), "abc0123456789");
}

#[test]
fn interim_answers_are_skipped_up_to_a_bound() {
    let interim = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n".as_slice();
    let last = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".as_slice();
    assert_eq!(body(&[interim.repeat(16), last.to_vec()].concat()).unwrap(), "ok");
    assert!(matches!(read(&[interim.repeat(17), last.to_vec()].concat()), Err(Fault::Broken(_))));
    assert!(matches!(read(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), Err(Fault::Broken(_))));
    assert_eq!(read(interim), Err(Fault::Cut));
}

#[test]
fn contradictions_are_refused() {
    for head in [
        "content-length: 1\r\ncontent-length: 2",
        "content-length: 1, 2",
        "content-length: 1\r\ntransfer-encoding: chunked",
        "content-length: -1",
        "content-length: +1",
        "content-length: 0x1",
        "content-length:",
        "transfer-encoding: gzip, chunked",
        "transfer-encoding: gzip",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked",
    ] {
        let bytes = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n0\r\n\r\n");
        assert!(matches!(read(bytes.as_bytes()), Err(Fault::Broken(_))), "{head}");
    }
    let old = b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    assert!(matches!(read(old), Err(Fault::Broken(_))));
}

#[test]
fn broken_chunks_are_refused() {
    for chunks in
        ["\r\n", "x\r\n", "3\r\nabcd\r\n", "11111111111111111\r\n", "3 3\r\nabc", "-1\r\n", "3\nabc"]
    {
        let bytes = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}");
        assert!(matches!(read(bytes.as_bytes()), Err(Fault::Broken(_))), "{chunks:?}");
    }
    let endless = |what: &str| format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{what}");
    assert!(matches!(read(endless(&format!("1;{}", "x".repeat(5000))).as_bytes()), Err(Fault::Broken(_))));
    let trailers = format!("0\r\n{}", "x: y\r\n".repeat(20_000));
    assert!(matches!(read(endless(&trailers).as_bytes()), Err(Fault::Broken(_))));
}

#[test]
fn a_connection_that_ends_early_is_told_from_one_that_says_nothing() {
    assert_eq!(read(b""), Err(Fault::Silent));
    for cut in [
        "HTTP/1.1 200 O",
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n",
    ] {
        assert_eq!(read(cut.as_bytes()), Err(Fault::Cut), "{cut:?}");
    }
}

#[test]
fn what_is_no_http_is_known_at_once() {
    let first = |bytes: &[u8]| AnswerReader::default().advance(&mut BytesMut::from(bytes));
    for garbage in [
        &b"\x15\x03\x01\x00\x02\x02\x46"[..],
        b"SSH-2.0-x\r\n",
        b"HTTP/2 200\r\n",
        b"\0",
        b"HTTP/1.1 099 x\r\n\r\n",
    ] {
        assert_eq!(first(garbage), Err(Fault::NotHttp), "{}", garbage.escape_ascii());
    }
}

#[test]
fn heads_are_bounded() {
    let head = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}content-length: 0\r\n\r\n");
    assert!(read(head(&"x: y\r\n".repeat(MAX_FIELDS - 1)).as_bytes()).is_ok());
    assert_eq!(read(head(&"x: y\r\n".repeat(MAX_FIELDS)).as_bytes()), Err(Fault::TooManyFields));
    let filler = MAX_HEAD - head("x: \r\n").len();
    assert!(read(head(&format!("x: {}\r\n", "y".repeat(filler))).as_bytes()).is_ok());
    assert_eq!(
        read(head(&format!("x: {}\r\n", "y".repeat(filler + 1))).as_bytes()),
        Err(Fault::HeadTooLarge)
    );
    assert_eq!(read(b"HTTP/1.1 200 OK\r\nx: "), Err(Fault::Cut));
}

#[test]
fn large_bodies_are_left_out_whatever_their_framing() {
    let largest = "x".repeat(MAX_REPLY_BODY);
    let chunk = format!("{:x}\r\n{largest}\r\n", largest.len());
    for (fits, head, body) in [
        (true, format!("content-length: {}\r\n", largest.len()), largest.clone()),
        (false, format!("content-length: {}\r\n", largest.len() + 1), String::new()),
        (false, "content-length: 99999999999999999999999\r\n".into(), String::new()),
        (true, "transfer-encoding: chunked\r\n".into(), format!("{chunk}0\r\n\r\n")),
        (false, "transfer-encoding: chunked\r\n".into(), format!("{chunk}1\r\nx\r\n0\r\n\r\n")),
        (false, "transfer-encoding: chunked\r\n".into(), "ffffffffffffffff\r\n".into()),
        (true, String::new(), largest.clone()),
        (false, String::new(), format!("{largest}x")),
    ] {
        let reply = read(format!("HTTP/1.1 500 Oh\r\nx: y\r\n{head}\r\n{body}").as_bytes()).unwrap();
        assert_eq!((reply.status, reply.truncated, reply.headers.get("x")), (500, !fits, Some(&b"y"[..])));
        assert_eq!(reply.body.len(), if fits { MAX_REPLY_BODY } else { 0 }, "{head:?}");
    }
}

#[test]
fn only_a_clean_end_lets_a_connection_go_on() {
    assert_eq!(persistent(b"HTTP/1.1 204 X\r\n\r\n"), (true, vec![]));
    assert_eq!(persistent(b"HTTP/1.1 200 X\r\ncontent-length: 1\r\n\r\nab"), (true, b"b".to_vec()));
    assert_eq!(persistent(b"HTTP/1.1 204 X\r\nconnection: foo, Close\r\n\r\n"), (false, vec![]));
    assert_eq!(persistent(b"HTTP/1.0 204 X\r\n\r\n"), (false, vec![]));
    assert!(!persistent(b"HTTP/1.1 200 X\r\ncontent-length: 2000000\r\n\r\n").0);
}

/// Bytes that look like an answer, and go wrong here and there.
fn answers() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"HTTP/1.1 200 OK\r\n".to_vec()),
        Just(b"HTTP/1.0 302 Found\r\n".to_vec()),
        Just(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
        Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
        Just(b"content-length: 4\r\n".to_vec()),
        Just(b"connection: close, x\r\n".to_vec()),
        Just(b"x: \xff y \r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"4\r\nabcd\r\n".to_vec()),
        Just(b"0\r\n\r\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..6),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(1_usize..20, 1..8)
}

proptest! {
    #[test]
    fn no_bytes_panic_and_the_pieces_do_not_matter(bytes in answers(), sizes in sizes()) {
        prop_assert_eq!(read_in(&bytes, &sizes), read(&bytes));
    }

    #[test]
    fn random_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), sizes in sizes()) {
        prop_assert_eq!(read_in(&bytes, &sizes), read(&bytes));
    }

    #[test]
    fn bodies_come_through(
        body in proptest::collection::vec(any::<u8>(), 0..4000),
        chunks in proptest::collection::vec(1_usize..900, 1..5),
        sizes in sizes(),
    ) {
        let mut chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        let mut rest = &body[..];
        for size in chunks.iter().cycle() {
            let (chunk, behind) = rest.split_at((*size).min(rest.len()));
            chunked.extend(format!("{:x}\r\n", chunk.len()).bytes().chain(chunk.iter().copied()).chain(*b"\r\n"));
            rest = behind;
            if chunk.is_empty() {
                break;
            }
        }
        let length = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        for bytes in [&chunked, &[length.as_bytes(), &body].concat(), &[b"HTTP/1.1 200 OK\r\n\r\n", &body[..]].concat()] {
            let reply = read_in(bytes, &sizes);
            prop_assert_eq!(reply.map(|reply| reply.body), Ok(Bytes::copy_from_slice(&body)));
            let cut = bytes.len().saturating_sub(3);
            prop_assert_eq!(read_in(&bytes[..cut], &sizes), read(&bytes[..cut]));
        }
    }
}
