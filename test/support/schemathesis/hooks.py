"""What Schemathesis cannot know of itself: ids that are there, and bodies that are complete.

A request that fits the description gets, half of the time, ids of things that are there, and a complete body with
some of its members replaced by generated ones. Which, follows from the request alone, so that a run repeats itself.
"""

import ast
import json
import os
import random
import threading
import zlib

import schemathesis

# CPython 3.11 counts the depth of all threads' syntax trees in one place, and fails where two are made at once
# (python/cpython#106905). Hypothesis makes one for each lambda that it names.
PARSE, ONE_BY_ONE = ast.parse, threading.Lock()


def parse(*args, **kwargs):
    with ONE_BY_ONE:
        return PARSE(*args, **kwargs)


ast.parse = parse

with open(os.environ["FUZZ_SEEDS"], encoding="utf-8") as file:
    SEEDS = json.load(file)
IDS, BODIES = SEEDS["ids"], SEEDS["bodies"]


@schemathesis.hook
def before_call(context, case, kwargs):
    meta = case.meta
    if meta is not None and meta.generation.mode.is_negative:
        return
    seen = repr((case.operation.label, case.path_parameters, case.body))
    rng = random.Random(zlib.crc32(seen.encode("utf-8", "surrogatepass")))
    known = {
        name: rng.choice(IDS[name])
        for name in case.path_parameters or {}
        if IDS.get(name) and rng.random() < 0.5
    }
    if known:
        case.path_parameters = {**case.path_parameters, **known}
    body = BODIES.get(case.operation.label)
    if body is not None and isinstance(case.body, dict) and rng.random() < 0.6:
        case.body = mixed(rng.choice(body), case.body, rng)


def mixed(whole, made, rng):
    """The whole body, with each member replaced one time in eight, and its objects likewise."""
    result = dict(whole)
    for name, value in made.items():
        own = result.get(name)
        if isinstance(own, dict) and isinstance(value, dict):
            result[name] = mixed(own, value, rng)
        elif rng.random() < 0.125:
            result[name] = value
    return result
