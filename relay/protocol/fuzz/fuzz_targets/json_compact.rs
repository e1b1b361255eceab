#![no_main]

#[path = "../checks/json_compact.rs"]
mod json_compact;

libfuzzer_sys::fuzz_target!(|input: &[u8]| json_compact::check(input));
