"""What a circuit's equations take before any step: order, pattern, entries, printed steps."""
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from verification.engine.kernels.compiling import kernel

_PIVOT_THRESHOLD = 0.01
_SINGULAR = 1e-14


@kernel
def _best(size, a, row_done, column_done, rows, columns):
    """Row and column of the next pivot; -1 where no entry is left that can be one."""
    best_row, best_column, least, best_size, best_diagonal = -1, -1, size * size, 0.0, False
    for j in range(size):
        if column_done[j]:
            continue
        largest = 0.0
        for i in range(size):
            if not row_done[i]:
                largest = max(largest, abs(a[i * size + j]))
        for i in range(size):
            here = abs(a[i * size + j])
            if row_done[i] or here == 0.0 or here < _PIVOT_THRESHOLD * largest:
                continue
            cost = (rows[i] - 1) * (columns[j] - 1)
            diagonal = i == j
            better = cost < least
            if cost == least:
                better = here > best_size if diagonal == best_diagonal else diagonal
            if better:
                best_row, best_column, least = i, j, cost
                best_size, best_diagonal = here, diagonal
    return best_row, best_column


@kernel
def dense_order(size, a, there, largest, row_of, column_of, rows, columns, row_done, column_done):
    """Pivot order of a small matrix: at each pivot the entry that makes the least fill.

    Markowitz's rule (Duff, Erisman and Reid, Direct Methods for Sparse Matrices, 7.2) among the
    entries that are not small beside those of their column; the diagonal where several are equal.

    Args:
        size: of the matrix.
        a: its values, dense, row by row; destroyed.
        there: which places are not 0 in the circuit, whatever the values; filled in.
        largest: the largest entry of each column: pivots far below are rounding errors.
        row_of: gets the place of each row.
        column_of: gets the place of each column.
        rows: zeros, for counts.
        columns: likewise.
        row_done: zeros.
        column_done: likewise.

    Returns:
        how many pivots were found: ``size``, or less where the matrix is singular.
    """
    for i in range(size):
        for j in range(size):
            if there[i * size + j]:
                rows[i] += 1
                columns[j] += 1
    for k in range(size):
        p, q = _best(size, a, row_done, column_done, rows, columns)
        if p < 0 or abs(a[p * size + q]) < _SINGULAR * largest[q]:
            return k
        row_of[p], column_of[q] = k, k
        row_done[p] = column_done[q] = True
        for j in range(size):
            if there[p * size + j] and not column_done[j]:
                columns[j] -= 1
        for i in range(size):
            if row_done[i] or not there[i * size + q]:
                continue
            rows[i] -= 1
            multiplier = a[i * size + q] / a[p * size + q]
            for j in range(size):
                if column_done[j] or not there[p * size + j]:
                    continue
                a[i * size + j] -= multiplier * a[p * size + j]
                if not there[i * size + j]:
                    there[i * size + j] = True
                    rows[i] += 1
                    columns[j] += 1
    return size


@kernel
def _leave(t, v):
    """Take a node out of the list of its degree."""
    if t.held[v]:
        return
    before, after = t.previous[v], t.following[v]
    if before >= 0:
        t.following[before] = after
    else:
        t.first[t.length[v]] = after
    if after >= 0:
        t.previous[after] = before


@kernel
def _enter(t, v):
    """Put a node at the head of the list of its degree."""
    if t.held[v]:
        return
    head = t.first[t.length[v]]
    t.previous[v], t.following[v] = -1, head
    if head >= 0:
        t.previous[head] = v
    t.first[t.length[v]] = v


@kernel
def _join(t, u, v, stamp, top):
    """Node u gets v's neighbours instead of v; the new end of the room, -1 where it is used up."""
    for a in range(t.begin[u], t.begin[u] + t.length[u]):
        t.mark[t.pool[a]] = stamp
    t.mark[u] = stamp
    extra = 0
    for a in range(t.begin[v], t.begin[v] + t.length[v]):
        if t.mark[t.pool[a]] != stamp:
            extra += 1
    total = t.length[u] - 1 + extra
    place = t.begin[u]
    if total > t.room[u]:
        place, t.room[u] = top, 2 * total
        top += 2 * total
        if top > t.size_of_pool:
            return -1
    count = 0
    for a in range(t.begin[u], t.begin[u] + t.length[u]):
        w = t.pool[a]
        if w != v:
            t.pool[place + count] = w
            count += 1
    for a in range(t.begin[v], t.begin[v] + t.length[v]):
        w = t.pool[a]
        if t.mark[w] != stamp:
            t.pool[place + count] = w
            count += 1
    t.begin[u], t.length[u] = place, total
    return top


@kernel
def minimum_degree(t, top):
    """Pivot order of a symmetric matrix: at each pivot the node with the fewest neighbours.

    (Rose, in Graph Theory and Computing, 1972.) An eliminated node's neighbours become neighbours
    of each other; of nodes with as many the one that changed last is taken. Nodes that are ``held``
    come after all others.

    Args:
        t: the graph (see ``graphs.Graph``); destroyed.
        top: how much of the room is used.

    Returns:
        the number of nodes; less where the room does not do.
    """
    stamp = 0
    free = 0
    for v in range(t.size - 1, -1, -1):
        _enter(t, v)
        if not t.held[v]:
            free += 1
    lowest = 0
    for k in range(t.size):
        if k == free:
            for v in range(t.size):
                if t.held[v]:
                    t.held[v] = False
                    _enter(t, v)
            lowest = 0
        while t.first[lowest] < 0:
            lowest += 1
        v = t.first[lowest]
        _leave(t, v)
        t.order[v] = k
        for a in range(t.length[v]):
            u = t.pool[t.begin[v] + a]
            stamp += 1
            _leave(t, u)
            top = _join(t, u, v, stamp, top)
            if top < 0:
                return k
            _enter(t, u)
            lowest = min(lowest, t.length[u])
    return t.size


@kernel
def distances(size, begin, neighbours, start, distance, queue):
    """Numbers of edges from node ``start`` to each node; the node that is found last.

    A node that nothing joins with those before is one farther than the last of them.

    Args:
        size: how many nodes there are.
        begin: by node, where its neighbours begin.
        neighbours: of all nodes.
        start: the first node.
        distance: gets the distances; -1 at first.
        queue: room for all nodes.
    """
    distance[start] = 0
    queue[0] = start
    head, tail, following = 0, 1, 0
    while head < size:
        if head == tail:
            while distance[following] >= 0:
                following += 1
            distance[following] = distance[queue[tail - 1]] + 1
            queue[tail] = following
            tail += 1
        v = queue[head]
        head += 1
        for e in range(begin[v], begin[v + 1]):
            u = neighbours[e]
            if distance[u] < 0:
                distance[u] = distance[v] + 1
                queue[tail] = u
                tail += 1
    return queue[size - 1]


@kernel
def assemble(entries, begin, which, factor, listed, lanes, out):
    """A's entries from the coefficients: entry e is the sum of stamps begin[e] to begin[e + 1]."""
    for e in range(entries):
        for lane in range(lanes):
            total = 0.0
            for s in range(begin[e], begin[e + 1]):
                total += factor[s] * listed[which[s] * lanes + lane]
            out[e * lanes + lane] = total


@kernel
def _scatter(i, t):
    """Row ``i`` of A into ``work`` and the list; the largest entry.

    The list begins behind ``following``'s last place and ends at the number of unknowns; the
    diagonal is in it even where A has none.
    """
    size, following = t.size, t.following
    last = size + 1
    placed = False
    largest = 0.0
    for e in range(t.a_rows[i], t.a_rows[i + 1]):
        c = t.a_columns[e]
        if c > i and not placed:
            following[last] = i
            last = i
        placed = placed or c >= i
        following[last] = c
        last = c
        t.work[c] = t.a_values[e]
        t.of_a[c] = i
        largest = max(largest, abs(t.a_values[e]))
    if not placed:
        following[last] = i
        last = i
    following[last] = size
    return largest


@kernel
def _merge(t, k, multiplier):
    """Subtract ``multiplier`` times row k of U from ``work``; its columns enter the list after k.

    Both rise, so that one walk along the list finds all places.
    """
    following = t.following
    place = k
    for e in range(t.u_rows[k], t.u_rows[k + 1]):
        c = t.upper[e]
        while following[place] < c:
            place = following[place]
        if following[place] != c:
            following[c] = following[place]
            following[place] = c
        place = c
        t.work[c] -= multiplier * t.upper_value[e]


@kernel
def _forget(i, t):
    """Clear the row under construction; returns its number."""
    k = t.following[t.size + 1]
    while k < t.size:
        t.work[k] = 0.0
        k = t.following[k]
    return i


@kernel
def fill(t, first):
    """Row-by-row elimination: row i is A's row merged with the U rows of its lower entries.

    The row under construction is a linked list in rising order. Entries that A has are kept,
    others if they are above ``dropped`` times the largest of A's row.

    Returns:
        the first row for which there was no room; the number of rows where all are done.
    """
    size, work, of_a, following = t.size, t.work, t.of_a, t.following
    for i in range(first, size):
        count_l, count_u = t.l_rows[i], t.u_rows[i]
        limit = t.dropped * _scatter(i, t)
        k = following[size + 1]
        while k < i:
            if of_a[k] == i or not abs(work[k]) <= limit:
                _merge(t, k, work[k] / t.pivot[k])
                if count_l == t.room:
                    return _forget(i, t)
                t.lower[count_l] = k
                count_l += 1
            work[k] = 0.0
            k = following[k]
        t.pivot[i] = work[i]
        work[i] = 0.0
        k = following[i]
        while k < size:
            if of_a[k] == i or not abs(work[k]) <= limit:
                if count_u == t.room:
                    return _forget(i, t)
                t.upper[count_u] = k
                t.upper_value[count_u] = work[k]
                count_u += 1
            work[k] = 0.0
            k = following[k]
        t.l_rows[i + 1] = count_l
        t.u_rows[i + 1] = count_u
    return size


@kernel
def prune_lower(size, l_rows, l_columns, active, columns, used, order_of):
    """Put entries that multiply a structural zero of the right-hand side last in their row."""
    for i in range(size):
        place = l_rows[i]
        for first in (True, False):
            for e in range(l_rows[i], l_rows[i + 1]):
                if active[l_columns[e]] == first:
                    columns[place] = l_columns[e]
                    order_of[e] = place
                    place += 1
            if first:
                used[i] = place
        if used[i] > l_rows[i]:
            active[i] = True


@kernel
def prune_upper(size, u_rows, u_columns, needed):
    """Mark rows whose unknown is used, itself or by a used unknown before it."""
    for i in range(size):
        if needed[i]:
            for e in range(u_rows[i], u_rows[i + 1]):
                needed[u_columns[e]] = True


@kernel
def print_steps(first, last, most, step, distance, following, out):
    """Printed steps from ``first`` to ``last - 1`` into ``out``, at most ``most``; how many."""
    count = 0
    for i in range(first, last):
        if count == most:
            break
        if i * step >= following[0]:
            out[count] = i
            count += 1
            following[0] += distance
    return count
