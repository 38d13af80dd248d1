//! An illegal order of steps does not compile, and says why at the right word.

#[test]
fn an_illegal_definition_is_refused_at_the_word_that_is_wrong() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/ui/refused_*.rs");
}
