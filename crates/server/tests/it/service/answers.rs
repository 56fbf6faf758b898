//! Answers are the engine's own, whatever the way.

use super::world::{World, asked, direct, int};

#[tokio::test]
async fn a_seed_gives_the_tokens_that_the_engine_alone_gives() {
    let world = World::new();
    let values = [("max_tokens", int(40)), ("seed", int(7))];
    let settled = world.answer(asked("Once upon a time", &values)).await;
    let alone = direct("Once upon a time", &values);
    let [answer] = settled.answers.as_slice() else { panic!("one answer") };
    assert_eq!(answer.completion.finished.ids, alone.finished.ids);
    assert_eq!(answer.completion.text, alone.text);
    assert_eq!(answer.completion.finished.stop_reason, alone.finished.stop_reason);
    println!("{:#}", settled.jeton_whole());
}
