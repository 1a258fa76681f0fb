#!/usr/bin/env python3
"""Runs the committed SCXML charts in a stock interpreter and compares it with the machines, move by move.

    pip install python-statemachine==3.2.2
    python3 statecharts/interpret.py

For every machine, every state and every event of it, a fresh interpreter is set into the state and given the
event. It must be where the machine's own table says (the .json beside the chart, derived from the code), and
stay where it was when the table has no such row.
"""

import json
import pathlib
import sys
import xml.etree.ElementTree as xml

from statemachine.io import load

SCXML = "{http://www.w3.org/2005/07/scxml}"


def state_id(name):
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in name).rstrip("_")


def started_in(chart, state):
    """The chart as a machine that starts in this state; nothing else of the document is changed."""
    document = xml.fromstring(chart)
    document.set("initial", state)
    xml.register_namespace("", SCXML[1:-1])
    return load(xml.tostring(document, encoding="unicode"), format="scxml")


def configuration(machine):
    return {str(state.id) for state in machine.configuration}


def check(path):
    chart = path.read_text()
    table = json.loads(path.with_suffix(".json").read_text())
    assert xml.fromstring(chart).get("initial") == state_id(table["initial"])
    rows = table["transitions"]
    target = {
        (state_id(row["from"]), f"{row['event']}.{row['row']}"): state_id(row["to"]) for row in rows
    }
    events = sorted({event for _, event in target})
    final = {state.get("id") for state in xml.fromstring(chart).iter(f"{SCXML}final")}
    for state in map(state_id, table["states"]):
        assert (state in final) == (not any(source == state for source, _ in target))
        kind = started_in(chart, state)
        assert configuration(kind()) == {state}, (path.name, state)
        for event in [] if state in final else events:
            machine = kind()
            machine.send(event)
            expected = target.get((state, event), state)
            found = configuration(machine)
            assert found == {expected}, (path.name, state, event, expected, found)
    moves = (len(table["states"]) - len(final)) * len(events)
    print(f"{path.stem}: {len(table['states'])} states, {len(rows)} transitions, {moves} moves tried")


def main():
    charts = sorted((pathlib.Path(__file__).parent / "charts").glob("*.scxml"))
    assert charts, "there are no charts"
    for path in charts:
        check(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
