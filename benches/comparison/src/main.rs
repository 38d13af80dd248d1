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
            tell(peer.name, (scenario.run)(peer.make).await);
        }
    }
    let mut heading = "";
    for scenario in scenarios::others::ALL {
        if scenario.pitfall != heading {
            heading = scenario.pitfall;
            println!("\n### {heading}\n");
        }
        tell(scenario.peer, (scenario.run)().await);
    }
}

fn tell(peer: &str, verdict: scenarios::Verdict) {
    match verdict {
        Ok(()) => println!("- {peer}: right"),
        Err(seen) if seen.starts_with("not to be told") => println!("- {peer}: {seen}"),
        Err(seen) => println!("- {peer}: **fails**: {seen}"),
    }
}
