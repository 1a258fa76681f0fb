#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = aerodb_tests::decoders::snapshot_chunk(bytes);
});
