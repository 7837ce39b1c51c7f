import type { InputsCache } from '../common/inputs-cache.ts';
import { ruleOf, type RouteScope } from './scope.ts';

/** A question that was put to a scope, and what it answered. */
interface Asked {
  readonly ask: (scope: RouteScope) => unknown;
  readonly answer: unknown;
}

interface Recorded<T> {
  readonly asked: readonly Asked[];
  readonly made: T;
}

/** What was made for so many different answers is kept beside one another. */
const MAX_FORMS = 64;

/**
 * What `build` makes of these inputs and of what it asks the scope. Most rules ask for little of it: whoever gives the same answers gets the same object, and a
 * change elsewhere in the scope touches nothing.
 */
export function forScope<I extends object, T>(
  cache: InputsCache,
  generator: string,
  { inputs, scope }: { readonly inputs: I; readonly scope: RouteScope },
  build: (scope: RouteScope) => T,
): T {
  const { forms } = cache.get(generator, inputs, (): { readonly forms: Recorded<T>[] } => ({ forms: [] }));
  const known = forms.find(({ asked }) => asked.every(({ ask, answer }) => ask(scope) === answer));
  if (known !== undefined) return known.made;
  const asked: Asked[] = [];
  const made = build(recording(scope, asked));
  forms.unshift({ asked, made });
  forms.length = Math.min(forms.length, MAX_FORMS);
  return made;
}

function recording(scope: RouteScope, asked: Asked[]): RouteScope {
  const answer = <T>(ask: (of: RouteScope) => T): T => {
    const value = ask(scope);
    asked.push({ ask, answer: value });
    return value;
  };
  return {
    services: { get: (host) => answer((of) => of.services.get(host)) },
    ruleFor: (service) => answer((of) => ruleOf(service, of)),
    push: {
      get mesh() {
        return answer((of) => of.push.mesh);
      },
      get destinationRules() {
        return answer((of) => of.push.destinationRules);
      },
    },
    get namespace() {
      return answer((of) => of.namespace);
    },
    get labels() {
      return answer((of) => of.labels);
    },
    get gateways() {
      return answer((of) => of.gateways);
    },
    get port() {
      return answer((of) => of.port);
    },
    get tls() {
      return answer((of) => of.tls ?? false);
    },
  };
}
