#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| muxhook_relay::fuzz::content(input));
