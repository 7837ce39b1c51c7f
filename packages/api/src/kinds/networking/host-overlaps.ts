import type { Finding } from '../../kind.ts';

/** Each wildcard is compared with every host. */
const MAX_WILDCARDS = 1_000;

/** Hosts of one list that are there twice, or that an earlier one covers or is covered by. With `exceptAll`, a `*` is another rule's business. */
export function hostOverlaps(hosts: readonly string[], exceptAll: boolean): Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<string>();
  const all: string[] = [];
  const wildcards: string[] = [];
  for (const [index, host] of hosts.entries()) {
    const name = host.toLowerCase();
    const path = ['hosts', index];
    const before = seen.has(name)
      ? undefined
      : name.startsWith('*')
        ? all.find((other) => covers(name, other) || covers(other, name))
        : wildcards.find((other) => covers(other, name));
    if (seen.has(name)) findings.push({ path, message: `"${host}" is listed twice` });
    else if (before !== undefined) findings.push({ path, message: `"${host}" overlaps with "${before}" in the same object` });
    seen.add(name);
    if (exceptAll && name === '*') continue;
    all.push(name);
    if (!name.startsWith('*')) continue;
    wildcards.push(name);
    if (wildcards.length > MAX_WILDCARDS)
      return [{ path: ['hosts'], message: `there are more than ${MAX_WILDCARDS} wildcards; write several objects` }];
  }
  return findings;
}

function covers(pattern: string, host: string): boolean {
  return pattern.startsWith('*') && host.endsWith(pattern.slice(1));
}
