"""A circuit given as a netlist dictionary, as gdsfactory and its kin make them, as JoSIM's deck.

    netlists = {
        "stage": {
            "instances": {
                "b1": {"component": "jj", "settings": {"area": 2.5}},
                "l1": {"component": "inductor", "settings": {"L": 2e-12}},
                "gnd": {"component": "ground"},
            },
            "nets": [{"p1": "b1,p", "p2": "l1,p"}, {"p1": "b1,n", "p2": "gnd,0"}],
            "ports": {"in": "b1,p", "out": "l1,n"},
        },
        "top": {...},  # its instances may have "component": "stage"
    }

A netlist has instances (their component with its settings), what is connected (``nets``, pairs of
"instance,port", or ``connections``, one to the other), and ports. Components are those below and
the names of the other netlists, which become subcircuits. Ports of two-terminal components are p
and n.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from netlist_gen.errors import ConfigurationError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_WAVE = re.compile(r"[A-Za-z0-9_.+\-()\s,]+", re.ASCII)
_MODEL = re.compile(r"[A-Za-z0-9_.+\-()\s,={}]+", re.ASCII)

_PRIMITIVES = {
    "jj": ("B", "area", ("model", "area")),
    "inductor": ("L", "L", ("L", "ik")),
    "resistor": ("R", "R", ("R",)),
    "capacitor": ("C", "C", ("C",)),
    "current": ("I", "wave", ("wave",)),
    "voltage": ("V", "wave", ("wave",)),
}
"""By component: the letter of its device, the setting that it must have, and all it may have.
Values are in SI; a wave is JoSIM's, or a number for a constant."""


def deck_of(
    netlists: Mapping[str, Mapping[str, Any]],
    top: str,
    *,
    models: Mapping[str, str],
    tran: str,
    prints: Sequence[str],
) -> str:
    """The text of a deck, for ``compile_deck`` or a file.

    Args:
        netlists: by name.
        top: which of them is the circuit.
        models: by name what stands behind ``.model NAME``, "jj(rtype=1, vg=2.8m, ...)". A junction
            without a setting ``model`` takes the first.
        tran: what stands behind ``.tran``.
        prints: what stands behind each ``.print``: "P(B1|X1)". Labels are those that JoSIM has:
            the device's letter and the instance's name, ``B_B1|X_S1`` for b1 in s1.

    Raises:
        ConfigurationError: a netlist that is none; the message names it and the place.
    """
    if top not in netlists:
        raise ConfigurationError(f"there is no netlist {top!r}; there are {', '.join(netlists)}")
    lines = ["* from a netlist dictionary"]
    for name, text in models.items():
        _check(_NAME, name, "models", "a letter, then letters, digits and _")
        _check(_MODEL, text, f"model {name}", "one line of jj(...)")
        lines.append(f".model {name} {text}")
    reading = _Reading(netlists, next(iter(models), ""))
    for name in reading.used(top):
        lines += reading.subcircuit(name)
    lines += reading.body(top, {})
    _check(_WAVE, tran, "tran", "numbers")
    lines += [f".tran {tran}", *(f".print {_printed(words)}" for words in prints), ".end"]
    return "\n".join(lines) + "\n"


def _check(pattern: re.Pattern[str], text: object, where: str, allowed: str) -> str:
    if not isinstance(text, str) or "\n" in text or not pattern.fullmatch(text):
        raise ConfigurationError(f"{where}: {text!r} is not allowed; it may be {allowed}")
    return text


def _printed(words: str) -> str:
    pattern = re.compile(r"[PVIpvi]\([A-Za-z0-9_|.,]+\)", re.ASCII)
    return _check(pattern, words, "prints", "P(..), V(..) or I(..) of devices or nodes")


def _number(value: object, where: str) -> str:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    if not plain or not math.isfinite(float(value)):  # type: ignore[arg-type]
        raise ConfigurationError(
            f"{where}: {value!r} is not allowed; it may be a finite number in SI"
        )
    return repr(float(value))  # type: ignore[arg-type]


class _Reading:
    """Netlists on their way to lines of a deck."""

    def __init__(self, netlists: Mapping[str, Mapping[str, Any]], model: str) -> None:
        self._netlists = netlists
        self._model = model

    def used(self, top: str) -> list[str]:
        """The netlists that are placed in ``top``, at any depth; inner ones first."""
        found: list[str] = []

        def visit(name: str, above: tuple[str, ...]) -> None:
            if name in above:
                raise ConfigurationError(f"netlist {name}: it contains itself")
            for label, instance in self._instances(name).items():
                inner = self._component(name, label, instance)
                if inner in self._netlists:
                    visit(inner, (*above, name))
            if name not in found and name != top:
                found.append(name)

        visit(top, ())
        return found

    def _instances(self, name: str) -> Mapping[str, Any]:
        _check(_NAME, name, "netlists", "a letter, then letters, digits and _")
        found = self._netlists[name].get("instances")
        if not isinstance(found, Mapping) or not found:
            raise ConfigurationError(f"netlist {name}: it has no instances")
        return found

    def _component(self, name: str, label: str, instance: object) -> str:
        _check(_NAME, label, f"netlist {name}, instances", "a letter, then letters, digits and _")
        component = instance.get("component") if isinstance(instance, Mapping) else None
        known = [*_PRIMITIVES, "ground", *self._netlists]
        if component not in known:
            raise ConfigurationError(
                f"netlist {name}, instance {label}: there is no component {component!r}; there are "
                f"{', '.join(known)}"
            )
        return str(component)

    def _terminals(self, component: str) -> list[str]:
        if component in _PRIMITIVES:
            return ["p", "n"]
        if component == "ground":
            return ["0"]
        return list(self._netlists[component].get("ports") or {})

    def _nodes(self, name: str, ports: Mapping[str, str]) -> dict[str, str]:
        """Node of each "instance,port"; ``ports`` are the names of the nodes outside."""
        instances = self._instances(name)
        parent: dict[str, str] = {}
        for label, instance in instances.items():
            for port in self._terminals(self._component(name, label, instance)):
                parent[f"{label},{port}"] = f"{label},{port}"

        def root(end: str) -> str:
            while parent[end] != end:
                parent[end] = parent[parent[end]]
                end = parent[end]
            return end

        def known(end: object, where: str) -> str:
            plain = end.replace(" ", "") if isinstance(end, str) else ""
            if plain not in parent:
                raise ConfigurationError(
                    f"netlist {name}, {where}: there is no {end!r}; ends are instance,port"
                )
            return root(plain)

        netlist = self._netlists[name]
        pairs = [(net.get("p1"), net.get("p2")) for net in netlist.get("nets") or ()]
        pairs += list((netlist.get("connections") or {}).items())
        for a, b in pairs:
            parent[known(a, "nets")] = known(b, "nets")
        names: dict[str, str] = {}
        for label, instance in instances.items():
            if self._component(name, label, instance) == "ground":
                names[root(f"{label},0")] = "0"
        for port, end in (netlist.get("ports") or {}).items():
            if port in ports:
                at = known(end, f"port {port}")
                if names.setdefault(at, ports[port]) != ports[port]:
                    raise ConfigurationError(
                        f"netlist {name}, port {port}: its node has another port already, or is "
                        "ground"
                    )
        for end in parent:
            names.setdefault(root(end), f"n{len(names)}")
        return {end: names[root(end)] for end in parent}

    def subcircuit(self, name: str) -> list[str]:
        """One netlist as ``.subckt``."""
        ports = list(self._netlists[name].get("ports") or {})
        for port in ports:
            _check(_NAME, port, f"netlist {name}, ports", "a letter, then letters, digits and _")
        if not ports:
            raise ConfigurationError(f"netlist {name}: it is placed in another and has no ports")
        outside = {port: f"p_{port}" for port in ports}
        head = f".subckt {name} {' '.join(outside.values())}"
        return [head, *self.body(name, outside), ".ends"]

    def body(self, name: str, ports: Mapping[str, str]) -> list[str]:
        """The lines of its instances."""
        nodes = self._nodes(name, ports)
        lines = []
        for label, instance in self._instances(name).items():
            component = self._component(name, label, instance)
            ends = [nodes[f"{label},{port}"] for port in self._terminals(component)]
            settings = instance.get("settings") or {}
            where = f"netlist {name}, instance {label}"
            if component in _PRIMITIVES:
                lines.append(self._device(component, label, ends, settings, where))
            elif component != "ground":
                lines.append(f"X_{label} {' '.join(ends)} {component}")
        return lines

    def _device(
        self, component: str, label: str, ends: list[str], settings: Mapping[str, Any], where: str
    ) -> str:
        letter, needed, allowed = _PRIMITIVES[component]
        for key in settings:
            if key not in allowed:
                raise ConfigurationError(
                    f"{where}: {component} has no setting {key!r}; it has {', '.join(allowed)}"
                )
        if needed not in settings:
            raise ConfigurationError(f"{where}: {component} has no setting {needed}")
        head = f"{letter}_{label} {ends[0]} {ends[1]}"
        value = settings[needed]
        if component == "jj":
            model = _check(_NAME, settings.get("model", self._model), where, "the name of a model")
            return f"{head} {model} area={_number(value, where)}"
        if needed == "wave" and isinstance(value, str):
            return f"{head} {_check(_WAVE, value, where, 'a wave as JoSIM has it, or a number')}"
        plain = f"{head} {'dc ' if needed == 'wave' else ''}{_number(value, where)}"
        ik = settings.get("ik")
        return plain if ik is None else f"{plain} ik={_number(ik, where)}"
