//! The state of a saga, as the engine keeps it.

use crate::build::place::State;
use crate::definition::Json;
use crate::outcome::Retriable;
use partita_core::{Effect, Error};
use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// JSON text, and what was read from it: however many attempts are given a state, it is read once.
#[derive(Clone)]
pub(crate) struct StateText {
    json: Json,
    read: Arc<OnceLock<Box<dyn Any + Send + Sync>>>,
}

impl StateText {
    pub(crate) fn json(&self) -> &Json {
        &self.json
    }

    /// A copy of what the text says, never of what a step had in memory: what runs is what a recovery would run.
    pub(crate) fn read<S: State>(&self) -> Retriable<S> {
        if let Some(state) = self.read.get().and_then(|read| read.downcast_ref::<S>()) {
            return Ok(state.clone());
        }
        let state: S = serde_json::from_str(&self.json).map_err(|error| Error::from(error).effect(Effect::None))?;
        // Two branches may come here at once, with the same value.
        let _ = self.read.set(Box::new(state.clone()));
        Ok(state)
    }
}

impl From<Json> for StateText {
    fn from(json: Json) -> Self {
        Self { json, read: Arc::default() }
    }
}

impl fmt::Debug for StateText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};
    use std::sync::atomic::{AtomicU32, Ordering};

    static READ: AtomicU32 = AtomicU32::new(0);

    #[derive(Clone, Debug, PartialEq, Serialize)]
    struct Counted(u32);

    impl<'de> Deserialize<'de> for Counted {
        fn deserialize<D: serde::Deserializer<'de>>(given: D) -> Result<Self, D::Error> {
            READ.fetch_add(1, Ordering::SeqCst);
            u32::deserialize(given).map(Self)
        }
    }

    #[test]
    fn a_state_is_read_once_and_a_wrong_one_each_time() {
        let state = StateText::from(Json::from("7"));
        let copy = state.clone();
        for text in [&state, &copy, &state] {
            assert_eq!(text.read::<Counted>().unwrap(), Counted(7));
        }
        assert_eq!(READ.load(Ordering::SeqCst), 1);
        assert_eq!(copy.read::<u32>().unwrap(), 7, "as whatever it is asked for");
        for _ in 0..2 {
            let error = StateText::from(Json::from("null")).read::<Counted>().unwrap_err();
            assert_eq!(error.0.possible_effect(), Effect::None);
        }
    }
}
