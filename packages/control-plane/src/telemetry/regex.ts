import { MeshError } from '@meltemi/base';
import { compileRegex, regexFault } from '@meltemi/match';
import type { AnchoredRegex, RegexPort } from '@meltemi/telemetry';

/** RE2 for PromQL: linear in the text, so that a query cannot stop the control plane. */
export const re2Port: RegexPort = {
  compile(pattern): AnchoredRegex {
    // Alone first: inside the group below, `a)(b` would be two.
    const fault = regexFault(pattern);
    if (fault !== undefined) throw new MeshError('match/regex', fault);
    // Prometheus lets the dot match line breaks.
    const regex = compileRegex(`(?s:${pattern})`);
    let readers: readonly GroupReader[] | undefined;
    return {
      test: (text) => regex.fullMatch(text),
      groups(text) {
        if (!regex.fullMatch(text)) return undefined;
        readers ??= groupReaders(pattern);
        const found = readers.map(({ name, read }) => [name, read(text)] as const);
        return { numbered: [text, ...found.map(([, value]) => value)], named: Object.fromEntries(found.filter(([name]) => name !== '')) };
      },
    };
  },
};

interface GroupReader {
  /** Empty for unnamed groups. */
  readonly name: string;
  /** Of a text that matches as a whole. */
  readonly read: (text: string) => string;
}

/** Substitutions know nine groups. */
function groupReaders(pattern: string): readonly GroupReader[] {
  // The pattern spans the whole text, so replacing "all" matches yields just the group.
  const whole = compileRegex(`^(?s:${pattern})$`);
  return groupNames(pattern)
    .slice(0, 9)
    .map((name, i) => ({ name, read: (text) => whole.replaceAll(text, `\\${i + 1}`) }));
}

/** Names of the capturing groups of a pattern that compiles, in order; empty for unnamed ones. */
function groupNames(pattern: string): string[] {
  const names: string[] = [];
  let isClass = false;
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === '\\') i++;
    else if (c === '[') isClass = true;
    else if (c === ']') isClass = false;
    else if (c === '(' && !isClass) {
      const rest = pattern.slice(i + 1);
      const name = /^\?P?<(\w+)>/.exec(rest)?.[1];
      if (name !== undefined || !rest.startsWith('?')) names.push(name ?? '');
    }
  }
  return names;
}
