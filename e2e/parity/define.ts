import type { BackendScript } from './backend/script.ts';
import type { CaseContext } from './harness/context.ts';
import type { Resources } from './resources.ts';
import type { Step } from './steps.ts';

/** One line of the access log that every builder of `resources.ts` writes; a field that is left out is not looked at. */
export type LogExpectation = Readonly<Record<string, Expected>>;

/** What a text must be: equal, or matching; null = absent. Numbers are compared as they are. */
export type Expected = string | number | boolean | RegExp | null;

/** A configuration, what is done with it, and what must come of it, on our proxy as on Envoy. */
export interface ParityCase {
  /** A sentence that says what holds. Unique in its file. */
  readonly name: string;
  /** Servers behind the proxy, by the name that `c.backend(name)` and `c.cluster(name)` take. Each proxy gets its own. Default: `main`, which answers 200. */
  readonly backends?: Readonly<Record<string, BackendScript>>;
  /** Default: one HTTP listener, everything to `main`. */
  readonly resources?: (c: CaseContext) => Resources;
  readonly steps: readonly Step[];
  /** Lines of the access log, in order. Left out: lines are compared between the proxies, but not with a text. `not compared`: where it is a matter of time how many there are. */
  readonly log?: readonly LogExpectation[] | 'not compared';
  /** Paths in the observation that chance decides (length of a signature, who came first); say why beside it. */
  readonly random?: readonly string[];
  /** For lines that come in no certain order. */
  readonly logOrder?: 'any';
}

/** Names a case's type; the place where its fields are explained. */
export function defineCase(parityCase: ParityCase): ParityCase {
  return parityCase;
}
