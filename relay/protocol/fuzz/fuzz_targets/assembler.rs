#![no_main]

#[path = "../checks/assembler.rs"]
mod assembler;

libfuzzer_sys::fuzz_target!(|input: &[u8]| assembler::check(input));
