//! What the derive refuses, in its own words: each program beside what the compiler says of it.

#[test]
fn a_field_of_the_language_has_a_doc_comment() {
    trybuild::TestCases::new().compile_fail("tests/refused/*.rs");
}
