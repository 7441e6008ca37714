"""One threshold rule over the readings of many patients, in Bytewax, one worker: the peer of `wardline-bench rules`.

Heart rate above 120 /min for 5 minutes, over when below 110 for 2 minutes; a hole of more than 2 minutes breaks either.
Prints readings per second of processor time and the alerts raised as JSON.
"""

import json
import sys
import time
from dataclasses import dataclass
from typing import Optional

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, run_main

LIMIT, HOLD, CLEAR, CLEAR_HOLD, GAP = 120.0, 300, 110.0, 120, 120


@dataclass
class State:
    last: Optional[int] = None
    since: Optional[int] = None
    fired: bool = False
    clearing: Optional[int] = None


def judge(state, reading):
    at, value = reading
    if state is None:
        state = State()
    hole = state.last is not None and at - state.last > GAP
    state.last = at
    raised = []
    if not state.fired:
        if value <= LIMIT:
            state.since = None
        else:
            if state.since is None or hole:
                state.since = at
            if at - state.since >= HOLD:
                state.fired = True
                raised.append(("raised", at))
    elif value >= CLEAR:
        state.clearing = None
    else:
        if state.clearing is None or hole:
            state.clearing = at
        if at - state.clearing >= CLEAR_HOLD:
            state = State(last=at)
            raised.append(("resolved", at))
    return state, raised


def rate(patient, step, one_in):
    """The same values as the benchmark's own readings."""
    phase = (patient * 37 + step) % 240
    fast = patient % one_in == 0 and phase < 90
    return 130.0 if fast else 80.0 + (patient + step) % 20


def main(patients, steps, one_in):
    names = [f"p{patient:06}" for patient in range(patients)]
    readings = [
        (names[patient], (step * 5, rate(patient, step, one_in)))
        for step in range(steps)
        for patient in range(patients)
    ]
    out = []
    flow = Dataflow("threshold")
    stream = op.input("in", flow, TestingSource(readings, batch_size=1000))
    events = op.stateful_flat_map("rule", stream, judge)
    op.output("out", events, TestingSink(out))
    began = time.process_time()
    run_main(flow)
    took = time.process_time() - began
    raised = sum(1 for _, (event, _) in out if event == "raised")
    print(json.dumps({"perSecond": len(readings) / took, "raised": raised}))


main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
