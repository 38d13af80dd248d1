//! Runs the pitfalls against other crates and prints what each does, as Markdown: a matrix, and what was seen.
//!
//! ```text
//! cargo run --release --manifest-path benches/comparison/Cargo.toml
//! ```

mod peer;
mod peers;
mod scenarios;

use scenarios::{CRATES, Scenario, Verdict, absent, breaker, held, limits, load};

/// What one crate did in one scenario.
struct Seen {
    pitfall: &'static str,
    peer: &'static str,
    verdict: Verdict,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut seen = Vec::new();
    for scenario in breaker::ALL {
        for peer in peers::BREAKERS {
            let verdict = (scenario.run)(peer.make).await;
            seen.push(Seen { pitfall: scenario.pitfall, peer: peer.name, verdict });
        }
    }
    let others: [&[Scenario]; 3] = [&held::ALL, &load::ALL, &limits::ALL];
    for scenario in others.into_iter().flatten() {
        let verdict = (scenario.run)().await;
        seen.push(Seen { pitfall: scenario.pitfall, peer: scenario.peer, verdict });
    }
    let mut pitfalls: Vec<&str> = Vec::new();
    for seen in &seen {
        if !pitfalls.contains(&seen.pitfall) {
            pitfalls.push(seen.pitfall);
        }
    }
    pitfalls.sort_by_key(|pitfall| number(pitfall));
    matrix(&pitfalls, &seen);
    details(&pitfalls, &seen);
}

/// The number of a pitfall, from its title.
fn number(pitfall: &str) -> u32 {
    let digits = pitfall.trim_start_matches('P').split(' ').next().unwrap_or_default();
    digits.parse().unwrap_or(0)
}

fn word(verdict: Option<&Verdict>) -> &'static str {
    match verdict {
        None => "",
        Some(Ok(())) => "right",
        Some(Err(seen)) if seen.starts_with("not to be told") => "?",
        Some(Err(_)) => "**fails**",
    }
}

fn find<'a>(all: &'a [Seen], pitfall: &str, peer: &str) -> Option<&'a Verdict> {
    all.iter().find(|seen| (seen.pitfall, seen.peer) == (pitfall, peer)).map(|seen| &seen.verdict)
}

fn matrix(pitfalls: &[&str], seen: &[Seen]) {
    println!("| | {} |\n|---{}|", CRATES.join(" | "), "|---".repeat(CRATES.len()));
    for pitfall in pitfalls {
        let cells = CRATES.map(|peer| word(find(seen, pitfall, peer)));
        println!("| {pitfall} | {} |", cells.join(" | "));
    }
}

fn details(pitfalls: &[&str], seen: &[Seen]) {
    for pitfall in pitfalls {
        println!("\n### {pitfall}\n");
        let (mut right, mut absent) = (Vec::new(), Vec::<(String, Vec<&str>)>::new());
        for peer in CRATES {
            match find(seen, pitfall, peer) {
                Some(Ok(())) => right.push(peer),
                Some(Err(seen)) if seen.starts_with("not to be told") => println!("- {peer}: {seen}"),
                Some(Err(seen)) => println!("- {peer}: **fails**: {seen}"),
                None => {
                    let why = absent::why(number(pitfall), peer);
                    match absent.iter_mut().find(|(before, _)| *before == why) {
                        Some((_, peers)) => peers.push(peer),
                        None => absent.push((why, vec![peer])),
                    }
                }
            }
        }
        if !right.is_empty() {
            println!("- did not reproduce: {}", right.join(", "));
        }
        for (why, peers) in absent {
            println!("- does not apply to {}: {why}", peers.join(", "));
        }
    }
}
