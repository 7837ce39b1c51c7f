import { compileRegex } from '@meltemi/match';
import type { AnchoredRegex, RegexPort } from '@meltemi/telemetry';

/** RE2 for PromQL: linear in the text, so that a query cannot stop the control plane. */
export const re2Port: RegexPort = {
  compile(pattern): AnchoredRegex {
    // Prometheus lets the dot match line breaks.
    const regex = compileRegex(`(?s:${pattern})`);
    return {
      test: (text) => regex.fullMatch(text),
      groups(text) {
        if (!regex.fullMatch(text)) return undefined;
        const names = groupNames(pattern);
        const whole = compileRegex(`^(?s:${pattern})$`);
        // The pattern spans the whole text, so replacing "all" matches yields just the group.
        const numbered = [text, ...names.slice(0, 9).map((_, i) => whole.replaceAll(text, `\\${i + 1}`))];
        const named = Object.fromEntries(names.flatMap((name, i) => (name === '' ? [] : [[name, numbered[i + 1]]])));
        return { numbered, named };
      },
    };
  },
};

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
