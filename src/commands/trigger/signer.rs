//! The signature that goes with an event, right or wrong on purpose.

use muxhook_protocol::mux::signature::{self, Key, TOLERANCE, Verdict};

/// How old a stale signature is, in seconds.
const STALE: i64 = 2 * TOLERANCE;

/// Signs events.
#[derive(Clone, Debug)]
pub(super) struct Signer {
    /// `None`: events go without.
    pub(super) key: Option<Key>,
    /// The time in it is too long ago.
    pub(super) stale: bool,
    /// One digit of it is wrong.
    pub(super) bad: bool,
}

impl Signer {
    /// The header's value for `body`; `now` in seconds since the Unix epoch.
    pub(super) fn sign(&self, body: &[u8], now: i64) -> Option<String> {
        let at = if self.stale { now - STALE } else { now };
        let mut header = signature::sign(self.key.as_ref()?, at, body);
        if self.bad {
            let last = header.pop();
            header.push(if last == Some('0') { '1' } else { '0' });
        }
        Some(header)
    }

    /// What such a header is worth by the secret that made it.
    pub(super) fn worth(&self, header: Option<&str>, body: &[u8], now: i64) -> Option<Verdict> {
        let key = self.key.as_ref()?;
        Some(signature::verify(header.map(str::as_bytes), body, std::slice::from_ref(key), now))
    }
}

#[cfg(test)]
mod tests {
    use muxhook_protocol::mux::signature::{Fault, verify};

    use super::*;

    fn verdict(stale: bool, bad: bool) -> Verdict {
        let keys = [Key::new("SuperSecret123").unwrap()];
        let signer = Signer { key: Some(keys[0].clone()), stale, bad };
        let header = signer.sign(b"{}", 1_700_000_000).unwrap();
        verify(Some(header.as_bytes()), b"{}", &keys, 1_700_000_000)
    }

    #[test]
    fn each_fault_is_what_it_says() {
        assert_eq!(verdict(false, false), Verdict::Valid { age: 0, key: 0 });
        assert_eq!(verdict(true, false), Verdict::Stale { age: 600, key: 0 });
        assert_eq!(verdict(false, true), Verdict::Invalid(Fault::NoMatch));
    }

    #[test]
    fn without_a_secret_there_is_no_signature() {
        assert_eq!(Signer { key: None, stale: false, bad: false }.sign(b"", 0), None);
    }
}
