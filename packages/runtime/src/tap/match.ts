import { compileHeader } from '../compile/predicates.ts';
import type { RequestView } from '../compiled.ts';
import type { TapMatch } from './types.ts';

/** Under this name, which no header can have, a response tells its status: names with a colon are parts of a request. */
export const TAP_STATUS = ' status';

/** Does a request belong to the tap? undefined = its response has a say, and is not there yet. */
export type TapTest = (request: RequestView, response: RequestView | undefined) => boolean | undefined;

export function compileTapMatch(match: TapMatch): TapTest {
  switch (match.t) {
    case 'any':
      return () => true;
    case 'not': {
      const test = compileTapMatch(match.rule);
      return (request, response) => {
        const found = test(request, response);
        return found === undefined ? undefined : !found;
      };
    }
    case 'and':
    case 'or':
      return compileList(match.rules.map(compileTapMatch), match.t === 'or');
    case 'request': {
      const tests = match.headers.map(compileHeader);
      return (request) => tests.every((test) => test(request));
    }
    case 'response': {
      const tests = match.headers.map((header) => compileHeader(header.name === ':status' ? { ...header, name: TAP_STATUS } : header));
      return (_, response) => (response === undefined ? undefined : tests.every((test) => test(response)));
    }
  }
}

/** `decides`: one rule that says this decides; the others matter only as long as none does. */
function compileList(tests: readonly TapTest[], decides: boolean): TapTest {
  return (request, response) => {
    let open = false;
    for (const test of tests) {
      const found = test(request, response);
      if (found === decides) return decides;
      if (found === undefined) open = true;
    }
    return open ? undefined : !decides;
  };
}
