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
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
