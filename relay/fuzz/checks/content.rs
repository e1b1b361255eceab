//! A delivery's content as a row of the journal has it.

use muxhook_protocol::parts::Outgoing;

use super::{checksum, delivery};

/// No content panics; what is read of one is what was written, and with another checksum nothing is.
///
/// The input is a head, a newline, and a body.
pub fn check(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').map_or(input.len(), |end| end + 1);
    let (head, body) = (input[..end].to_vec(), input[end..].to_vec());
    let sum = checksum(&head, &body);
    assert_eq!(delivery(head.clone(), body.clone(), sum ^ 1), None);
    let Some(read) = delivery(head, body.clone(), sum) else { return };
    assert_eq!(&*read.body, &*body);
    // As dispatch writes it.
    let kept = Outgoing::delivery(&read);
    let (head, body) = (kept.head().to_vec(), kept.body().to_vec());
    let sum = checksum(&head, &body);
    assert_eq!(delivery(head, body, sum), Some(read));
}
