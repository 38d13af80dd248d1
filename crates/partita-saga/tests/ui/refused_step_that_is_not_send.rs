use partita_saga::{Retriable, Saga, Step, StepResult};

async fn act(n: u32, _: Step) -> StepResult<u32> {
    Ok(n)
}

async fn finish(n: u32, _: Step) -> Retriable<u32> {
    Ok(n)
}

async fn back(_: u32, _: Step) -> Retriable<()> {
    Ok(())
}

async fn keeps_to_its_thread(n: u32, _: Step) -> StepResult<u32> {
    let shared = std::rc::Rc::new(n);
    std::future::ready(()).await;
    Ok(*shared)
}

fn main() {
    let _ = Saga::named("saga").step("a", keeps_to_its_thread).undo(back).build();
}
