#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| netpolc_fuzz::calico_selector::run(data));
