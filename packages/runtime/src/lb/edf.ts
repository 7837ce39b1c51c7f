/**
 * Envoy's earliest-deadline-first schedule: an entry comes up again after 1/weight, so that n turns hold exactly the shares of the weights.
 * Weights are asked for again at each turn: they may change in between (requests in flight, slow start).
 */
export interface Schedule {
  /** Index of the entry whose turn it is; it is put back with its weight of now. */
  next(): number;
}

/** `weight` answers more than 0. `start` in [0, 1) is where in its course the schedule begins. */
export function createSchedule(size: number, weight: (index: number) => number, start: number): Schedule {
  const heap: number[] = [];
  const due = new Float64Array(size);
  /** Ties go to who was put in first. */
  const order = new Float64Array(size);
  let turn = 0;
  let now = 0;

  const before = (a: number, b: number): boolean =>
    (due[a] as number) < (due[b] as number) || (due[a] === due[b] && (order[a] as number) < (order[b] as number));

  const sink = (): void => {
    const moved = heap[0] as number;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && before(heap[child + 1] as number, heap[child] as number)) child++;
      if (!before(heap[child] as number, moved)) break;
      heap[at] = heap[child] as number;
      at = child;
    }
    heap[at] = moved;
  };

  const next = (): number => {
    const index = heap[0] as number;
    now = due[index] as number;
    due[index] = now + 1 / weight(index);
    order[index] = turn++;
    sink();
    return index;
  };

  const weights = Array.from({ length: size }, (_, index) => weight(index));
  const total = weights.reduce((sum, value) => sum + value, 0);
  const picks = Math.floor(start * FIRST_COURSE);
  let left = picks;
  weights.forEach((value, index) => {
    // What lies behind is computed, not played: whole turns first, the rest one by one.
    const turns = Math.floor((picks * value) / total);
    left -= turns;
    due[index] = (turns + 1) / value;
    order[index] = turn++;
    heap.push(index);
  });
  heap.sort((a, b) => (before(a, b) ? -1 : 1));
  for (; left > 0; left--) next();
  return { next };
}

const FIRST_COURSE = 1_000_000;
