/** The candidate nearest to `name`, when it is near enough to be a likely slip: a third of the letters, or only case or `_` differ. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestCost = Math.max(1, Math.floor(name.length / 3)) + 1;
  const plain = simplify(name);
  for (const candidate of candidates) {
    if (simplify(candidate) === plain) return candidate;
    if (Math.abs(candidate.length - name.length) >= bestCost) continue;
    const cost = distance(plain, simplify(candidate));
    if (cost < bestCost) {
      best = candidate;
      bestCost = cost;
    }
  }
  return best;
}

function simplify(name: string): string {
  return name.slice(0, 80).replaceAll(/[_-]/g, '').toLowerCase();
}

/** Edits from one text to the other, where swapping two neighbours counts as one (optimal string alignment). */
function distance(a: string, b: string): number {
  // Costs by the length of the two beginnings.
  const table: number[][] = [Array.from({ length: b.length + 1 }, (_, index) => index)];
  const cost = (i: number, j: number): number => table[i]?.[j] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    table.push(row);
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? cost(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY;
      row.push(Math.min(cost(i - 1, j) + 1, cost(i, j - 1) + 1, cost(i - 1, j - 1) + same, swapped));
    }
  }
  return cost(a.length, b.length);
}
