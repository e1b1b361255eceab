//! A directory that asks for patience, is away, says too much, or looks in an old way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use muxhook_link::Now;

use super::directory::{Away, DAY, Directory, Trouble};
use super::{MINUTE, NAMES, Relay, pass};

#[tokio::test]
async fn a_directory_is_left_alone_until_the_date_that_it_names() {
    let directory = Directory::start().await;
    let date = UNIX_EPOCH + Duration::from_millis(Now::system().unix_millis()) + MINUTE * 120;
    directory.books().trouble = Some(Trouble::Limited(httpdate::fmt_http_date(date)));
    let relay = Relay::start(&directory).await;
    relay.failures(1).await;
    let asked = directory.books().asked.len();
    pass(MINUTE * 100).await;
    relay.faults().await;
    assert_eq!(directory.books().asked.len(), asked);
    pass(MINUTE * 21).await;
    relay.certificate(&directory, None).await;
    assert_eq!(directory.orders().len(), 2);
}

static LATER: AtomicU64 = AtomicU64::new(0);

/// The system's clock, and as many seconds as the test below says.
fn later() -> u64 {
    Now::system().unix_millis() + LATER.load(Ordering::Relaxed) * 1000
}

#[tokio::test]
async fn a_directory_that_comes_back_is_asked_again_and_the_old_certificate_serves_meanwhile() {
    let directory = Directory::start().await;
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let relay = Relay::on(dir, &directory, Now::from_fn(later), |_| ()).await;
    let first = relay.certificate(&directory, None).await;

    directory.books().away = Some(Away::HangsUp);
    LATER.store(64 * DAY, Ordering::Relaxed);
    pass(MINUTE + Duration::from_secs(1)).await;
    relay.failures(1).await;
    pass(Duration::from_secs(13)).await;
    relay.failures(2).await;
    // Whoever answers in its place is no silence, and asked more rarely.
    directory.books().away = Some(Away::Unavailable);
    pass(Duration::from_secs(26)).await;
    relay.failures(3).await;
    let asked = directory.books().asked.len();
    assert_eq!(relay.certificate(&directory, None).await, first, "the old one stays");
    assert_eq!(relay.faults().await, (200, String::new()));

    directory.books().away = None;
    pass(MINUTE * 19).await;
    relay.faults().await;
    assert_eq!(directory.books().asked.len(), asked, "not before its time");
    pass(MINUTE * 7).await;
    relay.certificate(&directory, Some(&first)).await;
}

#[tokio::test]
async fn an_answer_has_a_bound() {
    let directory = Directory::start().await;
    directory.books().trouble = Some(Trouble::Padded(256 * 1024));
    let relay = Relay::start(&directory).await;
    relay.failures(1).await;
    assert_eq!(directory.orders().len(), 1);
    // Below it all is well.
    directory.books().trouble = Some(Trouble::Padded(255 * 1024 - 1024));
    pass(MINUTE * 7).await;
    relay.certificate(&directory, None).await;
}

#[tokio::test]
async fn a_directory_may_look_by_tls_1_2() {
    let directory = Directory::start().await;
    directory.books().old_tls = true;
    let relay = Relay::start(&directory).await;
    relay.certificate(&directory, None).await;
    assert_eq!(directory.books().why_not, Vec::<String>::new());
    assert!(relay.connect(&directory, NAMES[1]).await.is_ok());
}
