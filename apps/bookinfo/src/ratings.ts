import { serviceAddress } from './client.ts';
import { json, runProgram, type Answer, type AppRequest, type Environment, type Handler } from './server.ts';

type Ratings = Record<string, number>;

const DEFAULT_RATINGS: Readonly<Ratings> = { Reviewer1: 5, Reviewer2: 4 };
const DATABASE_TIMEOUT_MS = 5000;

/** The ratings service. v1 keeps ratings in memory, v2 reads them from the database. */
export function createRatings(env: Environment): Handler {
  const posted = new Map<number, Ratings>();
  const fromDatabase = env['SERVICE_VERSION'] === 'v2';
  if (fromDatabase) void import('pg'); // loaded ahead of the first request; v1 never pays for it
  return (request) => {
    if (request.path === '/health') return json({ status: 'Ratings is healthy' });
    const id = /^\/ratings\/(\d+)$/.exec(request.path)?.[1];
    if (id === undefined) {
      const wanted = request.path.startsWith('/ratings');
      return wanted ? json({ error: 'please provide numeric product ID' }, 400) : json({ error: `no such path: ${request.path}` }, 404);
    }
    const product = Number(id);
    if (request.method === 'POST')
      return fromDatabase ? json({ error: 'Post not implemented for database backed ratings' }, 501) : post(posted, product, request);
    if (fromDatabase) return readDatabase(env, product);
    return json({ id: product, ratings: posted.get(product) ?? DEFAULT_RATINGS });
  };
}

function post(posted: Map<number, Ratings>, product: number, request: AppRequest): Answer {
  const ratings = parseRatings(request.body);
  if (ratings === undefined) return json({ error: 'please provide valid ratings JSON' }, 400);
  posted.set(product, ratings);
  return json({ id: product, ratings });
}

function parseRatings(body: string): Ratings | undefined {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return Object.values(value).every((stars) => typeof stars === 'number') ? (value as Ratings) : undefined;
  } catch {
    return undefined;
  }
}

/** One fresh connection per request: it follows routing at once, and a dead connection can never be reused. */
async function readDatabase(env: Environment, product: number): Promise<Answer> {
  const { default: pg } = await import('pg');
  const address = serviceAddress(env, 'postgresdb', 5432);
  const client = new pg.Client({
    host: address.host,
    port: address.port,
    user: env['POSTGRES_USER'] ?? 'bookinfo',
    password: env['POSTGRES_PASSWORD'] ?? 'bookinfo',
    database: env['POSTGRES_DB'] ?? 'bookinfo',
    connectionTimeoutMillis: DATABASE_TIMEOUT_MS,
    query_timeout: DATABASE_TIMEOUT_MS,
  });
  // Without a listener an error after the answer (a reset while closing) would end the program.
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    console.error(`database ${address.host}:${address.port}: ${reason(error)}`);
    return json({ error: 'could not connect to ratings database' }, 500);
  }
  try {
    const result = await client.query<{ reviewer: string; stars: number }>(
      'SELECT reviewer, stars FROM ratings WHERE product_id = $1 ORDER BY reviewer',
      [product],
    );
    const rows =
      result.rows.length > 0
        ? result.rows
        : (await client.query<{ reviewer: string; stars: number }>('SELECT reviewer, stars FROM ratings WHERE product_id = 0 ORDER BY reviewer'))
            .rows;
    return json({ id: product, ratings: Object.fromEntries(rows.map((row) => [row.reviewer, row.stars])) });
  } catch (error) {
    console.error(`database query: ${reason(error)}`);
    return json({ error: 'could not load ratings from database' }, 500);
  } finally {
    void client.end().catch(() => undefined);
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message || ((error as NodeJS.ErrnoException).code ?? error.name) : String(error);
}

if (import.meta.main) await runProgram('ratings', createRatings(process.env), process.env);
