"""Keeps the fuzzer from three things that no schema can say, and from nothing else."""

import itertools
import re

import schemathesis

KEY = re.compile(r"[!-~]{1,255}")
# These answer late, with a 503 or not at all, because that is what they simulate; tests/surface/provider.rs holds them to it.
MISBEHAVE = ("pm_slow", "pm_lost_reply", "pm_lost_request", "pm_flaky", "pm_undo_fails", "pm_undo_flaky")

numbers = itertools.count()


def as_written(value):
    """2.0 is an integer to JSON Schema; the shop promises to refuse it (tests/surface/placing.rs), so 2 is sent."""
    if isinstance(value, dict):
        return {name: as_written(member) for name, member in value.items()}
    if isinstance(value, list):
        return [as_written(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@schemathesis.hook
def before_call(context, case, kwargs):
    """What a key's second use answers depends on its first one (tests/surface/keys.rs): here every key is used once."""
    headers = case.headers or {}
    for name in [name for name in headers if name.lower() == "idempotency-key"]:
        if KEY.fullmatch(str(headers[name])):
            headers[name] = f"{headers[name][:200]}~{next(numbers)}"
    if isinstance(case.body, dict):
        case.body = as_written(case.body)
        if case.operation.label == "POST /psp/v1/payment_intents" and case.body.get("payment_method") in MISBEHAVE:
            case.body = {**case.body, "payment_method": "pm_ok"}
