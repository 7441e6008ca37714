#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| wardline_fuzz::jmespath(data));
