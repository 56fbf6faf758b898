//! Python's methods on texts, lists and dictionaries, as far as templates use them.

use minijinja::{Error, State, Value};

/// Calls a method the engine itself does not know.
pub(super) fn call(
    state: &mut State,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    minijinja_contrib::pycompat::unknown_method_callback(state, value, method, args)
}
