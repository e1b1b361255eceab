#![no_main]

#[path = "../checks/header.rs"]
mod header;

libfuzzer_sys::fuzz_target!(|input: &[u8]| header::check(input));
