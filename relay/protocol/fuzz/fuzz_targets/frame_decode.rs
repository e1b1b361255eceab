#![no_main]

#[path = "../checks/frame_decode.rs"]
mod frame_decode;

libfuzzer_sys::fuzz_target!(|input: &[u8]| frame_decode::check(input));
