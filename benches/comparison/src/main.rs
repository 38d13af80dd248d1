//! Runs the pitfalls of circuit breakers against other crates and prints what each does, as Markdown.
//!
//! ```text
//! cargo run --release --manifest-path benches/comparison/Cargo.toml
//! ```

mod peer;
mod peers;
mod scenarios;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for scenario in scenarios::breaker::ALL {
        println!("\n### {}\n", scenario.pitfall);
        for peer in peers::BREAKERS {
            match (scenario.run)(peer.make).await {
                Ok(()) => println!("- {}: right", peer.name),
                Err(seen) if seen.starts_with("not to be told") => println!("- {}: {seen}", peer.name),
                Err(seen) => println!("- {}: **fails**: {seen}", peer.name),
            }
        }
    }
}
