#![no_main]

#[path = "../checks/phrase.rs"]
mod phrase;

libfuzzer_sys::fuzz_target!(|input: &[u8]| phrase::check(input));
