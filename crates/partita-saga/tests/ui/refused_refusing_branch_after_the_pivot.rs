use partita_saga::{Saga, Step, StepResult};

async fn act(n: u32, _: Step) -> StepResult<u32> {
    Ok(n)
}

fn main() {
    let _ = Saga::named("saga").pivot("p", act).together("two").branch("x", act).join(|n, (x,)| n + x).build();
}
