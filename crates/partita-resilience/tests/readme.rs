//! The README keeps its word.

/// Lines that an example may have.
const MOST: usize = 15;

#[test]
fn each_example_of_the_readme_has_at_most_15_lines() {
    let text = include_str!("../README.md");
    let examples: Vec<_> = text.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(examples.len(), 3, "a plain async call, tower and axum");
    for example in examples {
        assert!(example.lines().count() <= MOST, "{example}");
    }
}
