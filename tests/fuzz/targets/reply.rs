#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| resetd_fuzz::reply(bytes));
