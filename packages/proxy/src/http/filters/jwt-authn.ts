import { judgeJwt, jwtVerdict, type Jwt, type JwtProvider, type JwtQuestion } from '@meltemi/runtime';
import type { Worker } from '../../core/worker.ts';
import { count, defineHalf, type AskCall, type FilterHalf } from './half.ts';
import { checkSignature } from './jwks.ts';
import { keysOf, onKeys } from './jwks-store.ts';

/** Checks signatures, with keys that may have to be fetched first. */
export const jwtAuthnHalf: FilterHalf = defineHalf<JwtQuestion>({
  t: 'jwt-authn',
  ask(question, call) {
    const missing = tryAnswer(question, call);
    return missing === undefined ? undefined : waitForKeys(question, call, missing);
  },
});

/** Fetches keys until there is nothing more to fetch; a provider is asked once per request. */
function waitForKeys(question: JwtQuestion, call: AskCall, first: ReadonlySet<JwtProvider>): () => void {
  const { worker } = call.x;
  const asked = new Set(first);
  let open = 0;
  let stops: (() => void)[] = [];
  const wait = (missing: ReadonlySet<JwtProvider>): void => {
    for (const { jwks } of missing) {
      open++;
      stops.push(onKeys(worker, jwks, arrived));
    }
  };
  const arrived = (): void => {
    open--;
    if (open > 0) return;
    stops = [];
    const missing = tryAnswer(question, call, asked);
    if (missing === undefined) return;
    for (const provider of missing) asked.add(provider);
    wait(missing);
  };
  wait(first);
  return () => {
    for (const stop of stops) stop();
  };
}

/** Answers, or tells whose keys are still to come. Keys of `asked` providers that are not there by now have failed. */
function tryAnswer(question: JwtQuestion, call: AskCall, asked: ReadonlySet<JwtProvider> = NOBODY): ReadonlySet<JwtProvider> | undefined {
  const { worker } = call.x;
  const missing = new Set<JwtProvider>();
  const judgement = judgeJwt({
    ...question,
    nowSeconds: Math.floor(worker.ports.clock.now() / 1000),
    tokens: (provider) => (provider === undefined ? question.anyone : (question.byProvider[provider] ?? [])),
    check(name, token, jwt) {
      const provider = question.providers[name] as JwtProvider;
      const failure = checkToken(worker, provider, token, jwt);
      if (failure !== undefined) return failure;
      if (asked.has(provider)) return FETCH_FAILED;
      missing.add(provider);
      return 'pending';
    },
  });
  if (missing.size > 0) return missing;
  const verdict = jwtVerdict(judgement, question.terms);
  count(call, verdict?.reply === undefined ? 'allowed' : 'denied');
  call.done(verdict);
  return undefined;
}

const NOBODY: ReadonlySet<JwtProvider> = new Set();
const FETCH_FAILED = 'Jwks remote fetch is failed';

/** undefined = the keys are on their way. */
function checkToken(worker: Worker, provider: JwtProvider, token: string, jwt: Jwt): string | undefined {
  const known = provider.cacheSize > 0 ? tokensOf(provider) : undefined;
  if (known?.has(token) === true) return '';
  const keys = keysOf(worker, provider.jwks);
  if (keys === 'pending') return undefined;
  if (keys === 'none') return "Jwks doesn't have any valid public key";
  if (keys === 'failed') return FETCH_FAILED;
  const failure = checkSignature(jwt, keys);
  if (failure === '' && known !== undefined && token.length <= MAX_CACHED_LENGTH) {
    if (known.size >= provider.cacheSize) known.delete(known.values().next().value ?? '');
    known.add(token);
  }
  return failure;
}

/** Longer tokens are not remembered, as in Envoy. */
const MAX_CACHED_LENGTH = 4096;
const verified = new WeakMap<JwtProvider, Set<string>>();

/** Tokens whose signatures were good; their times and audiences are looked at each time. */
function tokensOf(provider: JwtProvider): Set<string> {
  let tokens = verified.get(provider);
  if (tokens === undefined) verified.set(provider, (tokens = new Set()));
  return tokens;
}
