import { hostname } from 'node:os';
import { forwardedHeaders, get, serviceAddress, type ServiceAddress } from './client.ts';
import { json, runProgram, type Answer, type AppRequest, type Environment, type Handler } from './server.ts';

type StarColor = 'black' | 'red';

interface ReviewsConfig {
  readonly podname: string;
  readonly clustername: string;
  /** Undefined: v1, which knows no ratings. */
  readonly stars: { readonly color: StarColor; readonly ratings: ServiceAddress; readonly timeoutMs: number } | undefined;
}

interface RatingsAnswer {
  readonly ratings?: Readonly<Record<string, number>>;
}

const REVIEWS = [
  { reviewer: 'Reviewer1', text: 'Two pairs of twins, one afternoon, and not a scene too many. I laughed from the shipwreck to the last embrace.' },
  { reviewer: 'Reviewer2', text: 'Light as sea foam and quick as a slap on the ear. Less depth than the later plays, and twice the fun.' },
] as const;

/** The reviews service. v1 shows no ratings, v2 asks the ratings service and gives black stars, v3 gives red ones. */
export function createReviews(env: Environment): Handler {
  const config = readConfig(env);
  return (request) => {
    if (request.path === '/health') return json({ status: 'Reviews is healthy' });
    const id = /^\/reviews\/(\d+)$/.exec(request.path)?.[1];
    if (id === undefined) return json({ error: `no such path: ${request.path}` }, 404);
    return reviews(config, request, id);
  };
}

function readConfig(env: Environment): ReviewsConfig {
  const version = env['SERVICE_VERSION'] ?? 'v1';
  const color: StarColor | undefined = version === 'v2' ? 'black' : version === 'v3' ? 'red' : undefined;
  return {
    podname: env['POD_NAME'] ?? env['HOSTNAME'] ?? hostname(),
    clustername: env['CLUSTER_NAME'] ?? 'null',
    // v3 gives up sooner than v2, as in the original: a delay of some seconds tells the two apart.
    stars: color === undefined ? undefined : { color, ratings: serviceAddress(env, 'ratings', 9080), timeoutMs: color === 'black' ? 10_000 : 2_500 },
  };
}

async function reviews(config: ReviewsConfig, request: AppRequest, id: string): Promise<Answer> {
  const head = { id, podname: config.podname, clustername: config.clustername };
  if (config.stars === undefined) return json({ ...head, reviews: REVIEWS });
  const { color, ratings, timeoutMs } = config.stars;
  const result = await get(ratings, `/ratings/${id}`, forwardedHeaders(request.headers), timeoutMs);
  const stars = result.t === 'answer' && result.status === 200 ? parseRatings(result.body) : undefined;
  return json({
    ...head,
    reviews: REVIEWS.map((review) => {
      const given = stars?.[review.reviewer];
      return { ...review, rating: given === undefined ? { error: 'Ratings service is currently unavailable' } : { stars: given, color } };
    }),
  });
}

function parseRatings(body: string): Readonly<Record<string, number>> | undefined {
  try {
    return (JSON.parse(body) as RatingsAnswer).ratings;
  } catch {
    return undefined;
  }
}

if (import.meta.main) await runProgram('reviews', createReviews(process.env), process.env);
