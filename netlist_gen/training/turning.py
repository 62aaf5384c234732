"""Compiled passes of the exact search (``netlist_gen.training.refine``), over all rows of a task.

A row is one step of one sample. ``ahead`` is a neuron's count less its threshold in each row, so
that it fires where that is 0 or more, and ``benefit`` what the loss would change by if its spike
in that row were the other one.
"""

from __future__ import annotations

import numpy as np

from netlist_gen.training.fused import loop


@loop
def by_outputs(  # type: ignore[no-untyped-def]
    fired, counts, edges, weights, members, population, odds, totals, labels, powers, sharpness,
    steps, benefit,
):  # fmt: skip
    """Benefit of a hidden neuron, by the outputs that it feeds (``members``, with ``weights``).

    ``powers[i]`` is exp(sharpness * (i - members)): what a class's odds gain with so many votes.
    """
    fed = members.size
    change = np.zeros(odds.shape[1], np.int64)
    for row in range(fired.size):
        step = 1 - 2 * np.int64(fired[row])
        turned, gain, sample = False, 0.0, row // steps
        for m in range(fed):
            output = members[m]
            before = np.int64(counts[row, output])
            edge = edges[output]
            vote = np.int64(before + weights[m] * step >= edge) - np.int64(before >= edge)
            if vote != 0:
                change[output // population] += vote
                turned = True
        if turned:
            total = totals[sample]
            for m in range(fed):
                c = members[m] // population
                if change[c] != 0:
                    total += odds[sample, c] * (powers[change[c] + fed] - 1.0)
                    if c == labels[sample]:
                        gain -= sharpness * change[c]
                    change[c] = 0
            gain += np.log(total / totals[sample])
        benefit[row] = gain


@loop
def by_votes(ahead, c, odds, totals, labels, sharpness, steps, benefit):  # type: ignore[no-untyped-def]
    """Benefit of an output neuron of class ``c``: a vote more where it is silent, or less."""
    for row in range(ahead.size):
        sample = row // steps
        vote = -1.0 if ahead[row] >= 0 else 1.0
        more = odds[sample, c] * (np.exp(sharpness * vote) - 1.0)
        gain = np.log((totals[sample] + more) / totals[sample])
        benefit[row] = gain - sharpness * vote if c == labels[sample] else gain


@loop
def near(ahead, benefit, faint, rows):  # type: ignore[no-untyped-def]
    """Fill ``rows`` with those that a change by two counts can turn, and that matter; how many."""
    found = 0
    for row in range(ahead.size):
        if -2 <= ahead[row] <= 1 and abs(benefit[row]) > faint:
            rows[found] = row
            found += 1
    return found


@loop
def by_lines(rows, ahead, benefit, lines, more, less):  # type: ignore[no-untyped-def]
    """Fill what one count more, and one less, on each line would change the loss by."""
    more[:], less[:] = 0.0, 0.0
    for row in rows:
        gain, line = np.float32(benefit[row]), lines[row]
        if ahead[row] == -1:
            for k in range(line.size):
                more[k] += gain * np.float32(line[k])
        elif ahead[row] == 0:
            for k in range(line.size):
                less[k] += gain * np.float32(line[k])


@loop
def prices(rows, ahead, benefit, lines, changes, found):  # type: ignore[no-untyped-def]
    """Fill ``found`` with what each of ``changes`` would change the loss by.

    A change is (first line, added to its weight, second line, added, added to the threshold). All
    are priced row by row, so that a row's lines are fetched once.
    """
    found[:] = 0.0
    for row in rows:
        gain, before, line = benefit[row], np.int64(ahead[row]), lines[row]
        fires = before >= 0
        for i in range(changes.shape[0]):
            after = before - changes[i, 4]
            after += changes[i, 1] * np.int64(line[changes[i, 0]])
            after += changes[i, 3] * np.int64(line[changes[i, 2]])
            if (after >= 0) != fires:
                found[i] += gain


@loop
def move(ahead, benefit, lines, first, by_first, second, by_second, theta):  # type: ignore[no-untyped-def]
    """Add so much to two weights and the threshold: a row that turns can be turned back."""
    for row in range(ahead.size):
        before = np.int64(ahead[row])
        after = before - theta
        if by_first != 0:
            after += by_first * np.int64(lines[row, first])
        if by_second != 0:
            after += by_second * np.int64(lines[row, second])
        if (after >= 0) != (before >= 0):
            benefit[row] = -benefit[row]
        ahead[row] = after


@loop
def pass_on(ahead, j, fired, counts, edges, weights, members, population, votes, steps):  # type: ignore[no-untyped-def]
    """Take a hidden neuron's new spikes over into outputs' counts and votes."""
    for row in range(ahead.size):
        now = np.uint8(ahead[row] >= 0)
        step = np.int64(now) - np.int64(fired[row, j])
        if step != 0:
            fired[row, j] = now
            for m in range(members.size):
                output = members[m]
                before = np.int64(counts[row, output])
                after, edge = before + weights[m] * step, edges[output]
                vote = np.int64(after >= edge) - np.int64(before >= edge)
                votes[row // steps, output // population] += vote
                counts[row, output] = after


@loop
def revote(ahead, j, counts, before, after, population, votes, steps):  # type: ignore[no-untyped-def]
    """Take an output's new counts over; its threshold was ``before`` and is ``after``."""
    for row in range(ahead.size):
        vote = np.int64(ahead[row] >= 0) - np.int64(counts[row, j] >= before)
        votes[row // steps, j // population] += vote
        counts[row, j] = ahead[row] + after


@loop
def weigh(votes, labels, sharpness, odds, totals):  # type: ignore[no-untyped-def]
    """Fill odds exp(score - own score) of samples and classes, and their sums; the whole loss."""
    whole = 0.0
    for sample in range(votes.shape[0]):
        own, total = votes[sample, labels[sample]], 0.0
        for c in range(votes.shape[1]):
            odds[sample, c] = np.exp(sharpness * (votes[sample, c] - own))
            total += odds[sample, c]
        totals[sample] = total
        whole += np.log(total)
    return whole
