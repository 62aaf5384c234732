"""Right-hand sides of resistors, capacitors, prescribed phases, controlled sources and lines."""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from verification.engine.kernels.compiling import kernel
from verification.engine.kernels.junctions import THIRD1, THIRD4
from verification.engine.kernels.simd import fma, load, store
from verification.engine.kernels.solve import across, inject, value


@kernel
def resistors(r, first, last, x, b, w):
    """Plain resistors."""
    W = len(w)
    for k in range(first, last):
        o = k * W
        phase = across(x, r.ends, k, w)
        history = fma(phase, THIRD4, load(r.phase, o, w) * (-THIRD1))
        c = value(r.g, k, r.own, w) * history * (-1.0)
        inject(b, r.ends, k, c, w)
        if r.keep:
            store(r.current, o, c)
        store(r.phase, o, phase)


@kernel
def series_resistors(r, first, last, x, b, w):
    """Resistors with an inductor in series, whose middle node is eliminated."""
    W = len(w)
    for k in range(first, last):
        o = k * W
        phase = across(x, r.ends, k, w)
        part = value(r.part, k, r.own, w)
        inner = phase - part * (phase - load(r.history, o, w))
        history = fma(inner, THIRD4, load(r.phase, o, w) * (-THIRD1))
        c = value(r.g, k, r.own, w) * history * (-1.0)
        inject(b, r.ends, k, c, w)
        if r.keep:
            store(r.current, o, c)
        store(r.history, o, history)
        store(r.phase, o, inner)


@kernel
def capacitors(cap, x, b, w):
    """Capacitors: BDF2 twice, on the phases of the last four steps."""
    W = len(w)
    for k in range(cap.total):
        o = k * W
        p1 = across(x, cap.ends, k, w)
        p2 = load(cap.p2, o, w)
        p3 = load(cap.p3, o, w)
        history = p1 * (8.0 / 3.0) - p2 * (22.0 / 9.0)
        history = history + p3 * (8.0 / 9.0) - load(cap.p4, o, w) * (1.0 / 9.0)
        c = value(cap.g, k, cap.own, w) * history * (-1.0)
        inject(b, cap.ends, k, c, w)
        store(cap.current, o, c)
        store(cap.p4, o, p3)
        store(cap.p3, o, p2)
        store(cap.p2, o, p1)


@kernel
def prescribed(v, out, x, b, w):
    """V, P and R = 0: phases given by BDF2 integration of the voltage, or directly."""
    W = len(w)
    for m in range(v.total):
        o = m * W
        phase = across(x, v.ends, m, w)
        history = fma(phase, THIRD4, load(v.phase, o, w) * (-THIRD1))
        store(v.phase, o, phase)
        given = history
        if v.kind[m] == 1:
            given = load(out, v.source[m] * W, w)
        elif v.kind[m] == 0:
            given = fma(load(out, v.source[m] * W, w), v.per_volt, history)
        store(b, v.row[m] * W, given * v.scale)


@kernel
def controlled(g, x, b, w):
    """G: a current by BDF2 of the sensed phase; H: a phase by BDF2 of the driven one."""
    W = len(w)
    for m in range(g.total):
        o = m * W
        phase = across(x, g.ends, m, w)
        history = fma(phase, THIRD4, load(g.phase, o, w) * (-THIRD1))
        store(g.phase, o, phase)
        if g.kind[m] == 0:
            c = value(g.g, m, g.own, w) * history * (-1.0)
            inject(b, g.ends, m, c, w)
            store(g.current, o, c)
        else:
            store(b, g.ends.p_b[m] * W, history * g.scale)


@kernel
def lines(t, x, b, i, w):
    """Transmission lines: what left one end arrives ``delay`` steps later at the other."""
    W = len(w)
    for k in range(t.total):
        delay, length = t.delay[k], t.length[k]
        conductance = value(t.g, k, t.own, w)
        for end in range(2):
            me = 2 * k + end
            if i > 0:
                store(t.p2, me * W, load(t.p1, me * W, w))
                store(t.p1, me * W, across(x, t.ends, me, w))
            given = fma(load(t.p1, me * W, w), THIRD4, load(t.p2, me * W, w) * (-THIRD1))
            if i >= delay:
                base = t.begin[k] + (1 - end) * 2 * length
                back0 = (i - delay) % length
                given = given + load(t.ring, (base + back0) * W, w)
                given = given + load(t.ring, (base + length + back0) * W, w) / conductance
                if i > delay:
                    back1 = (i - delay - 1) % length
                    given = given - load(t.ring, (base + back1) * W, w) * THIRD4
                if i > delay + 1:
                    back2 = (i - delay - 2) % length
                    given = given + load(t.ring, (base + back2) * W, w) * THIRD1
            c = conductance * given * (-1.0)
            inject(b, t.ends, me, c, w)
            store(t.current, me * W, c)


@kernel
def store_lines(t, x, i, w):
    """Keep the phase and current that leave each end in this step."""
    W = len(w)
    for k in range(t.total):
        length = t.length[k]
        for end in range(2):
            me = 2 * k + end
            phase = across(x, t.ends, me, w)
            current = fma(value(t.g, k, t.own, w), phase, load(t.current, me * W, w))
            base = t.begin[k] + end * 2 * length
            store(t.ring, (base + i % length) * W, phase)
            store(t.ring, (base + length + i % length) * W, current)
