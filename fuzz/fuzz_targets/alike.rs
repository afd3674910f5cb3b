#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| netpolc_fuzz::alike::run(data));
