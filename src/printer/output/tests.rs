use std::io::{PipeReader, Read as _, Seek as _};
use std::os::fd::AsFd;
use std::thread::spawn;

use super::*;

const MIB: usize = 1024 * 1024;

fn target(stream: &impl AsFd) -> Target {
    Target::of(stream.as_fd()).unwrap()
}

/// An output whose stdout is a pipe; and its reader.
fn piped() -> (Output, PipeReader) {
    let (reader, writer) = io::pipe().unwrap();
    let null = std::fs::File::options().write(true).open("/dev/null").unwrap();
    (Output::new(target(&writer), target(&null), None).unwrap(), reader)
}

fn out(bytes: &[u8]) -> Batch {
    let mut batch = Batch::default();
    batch.write(Stream::Out, |out| out.extend_from_slice(bytes));
    batch
}

#[tokio::test]
async fn a_reader_that_waits_stalls_nobody_and_loses_nothing() {
    let (mut output, mut reader) = piped();
    let chunk: Vec<u8> = (0..MIB).map(|at| (at % 251) as u8).collect();
    // A pipe holds 64 KiB, or 1 MiB at most without privileges.
    for _ in 0..6 {
        output.put(&mut out(&chunk));
    }
    assert!(!output.has_room());
    let room = output.room();
    let read = spawn(move || {
        let mut all = vec![0; 6 * MIB + 3];
        reader.read_exact(&mut all).unwrap();
        all
    });
    room.await;
    assert!(output.has_room());
    output.put(&mut out(b"end"));
    output.finish().unwrap();
    assert!(read.join().unwrap() == [chunk.repeat(6), b"end".to_vec()].concat());
}

#[tokio::test]
async fn a_reader_that_goes_is_noticed_though_nothing_is_written() {
    let (mut output, reader) = piped();
    output.put(&mut out(b"a line\n"));
    drop(reader);
    output.closed().await;
    output.put(&mut out(&vec![b'x'; 8 * MIB]));
    assert!(output.has_room());
    output.finish().unwrap();
}

#[test]
fn an_end_that_is_not_awaited_for_ever() {
    let (output, _reader) = piped();
    let Sink::Queued(queue) = &output.out else { panic!("a pipe can block") };
    queue.put(Stream::Out, &vec![b'x'; 2 * MIB]);
    let error = queue.finish(Duration::from_millis(10)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[test]
fn a_file_is_written_at_once() {
    let mut file = tempfile::tempfile().unwrap();
    let mut output = Output::new(target(&file), target(&file), None).unwrap();
    let mut batch = out(b"one\n");
    batch.write(Stream::Err, |err| err.extend_from_slice(b"two\n"));
    batch.write(Stream::Out, |out| out.extend_from_slice(b"three\n"));
    output.put(&mut batch);
    assert!(batch.is_empty());
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(text, "one\ntwo\nthree\n");
}

#[test]
fn both_streams_in_one_pipe_keep_their_order() {
    let (mut reader, writer) = io::pipe().unwrap();
    let mut output = Output::new(target(&writer), target(&writer), None).unwrap();
    let mut want = String::new();
    for nth in 0..200 {
        let line = format!("{nth}\n");
        let mut batch = Batch::default();
        let stream = if nth % 3 == 0 { Stream::Err } else { Stream::Out };
        batch.write(stream, |bytes| bytes.extend_from_slice(line.as_bytes()));
        output.put(&mut batch);
        want.push_str(&line);
    }
    output.finish().unwrap();
    let mut text = vec![0; want.len()];
    reader.read_exact(&mut text).unwrap();
    assert_eq!(String::from_utf8(text).unwrap(), want);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_told() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut output = Output::new(target(&full), target(&full), None).unwrap();
    output.put(&mut out(b"a line\n"));
    output.closed().await;
    assert_eq!(output.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
}
