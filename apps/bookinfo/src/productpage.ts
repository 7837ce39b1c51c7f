import { forwardedHeaders, get, serviceAddress, type CallResult, type ServiceAddress } from './client.ts';
import { renderIndex, renderProductPage, type Details, type Part, type Review } from './page.ts';
import { json, runProgram, type Answer, type AppRequest, type Environment, type Handler } from './server.ts';
import { createSessions, type Sessions } from './session.ts';

interface Product {
  readonly id: number;
  readonly title: string;
  readonly descriptionHtml: string;
}

interface Context {
  readonly version: string;
  readonly details: ServiceAddress;
  readonly reviews: ServiceAddress;
  readonly ratings: ServiceAddress;
  readonly sessions: Sessions;
}

interface ReviewsBody {
  readonly reviews: readonly Review[];
  readonly podname: string;
  readonly clustername: string;
}

const UPSTREAM_TIMEOUT_MS = 3000;
const SUMMARY =
  'Summary: twins parted as babies, servants who are twins as well, and one city that sees them all on the same day. Among the first of William Shakespeare’s plays and the shortest of them.';
const PRODUCTS: readonly Product[] = [{ id: 0, title: 'The Comedy of Errors', descriptionHtml: SUMMARY }];

/** The product page: the front of Bookinfo. It asks details and reviews, and passes trace headers and the user on. */
export function createProductpage(env: Environment): Handler {
  const context: Context = {
    version: env['SERVICE_VERSION'] ?? 'v1',
    details: serviceAddress(env, 'details', 9080),
    reviews: serviceAddress(env, 'reviews', 9080),
    ratings: serviceAddress(env, 'ratings', 9080),
    sessions: createSessions(env['SESSION_SECRET'] ?? 'bookinfo is a demonstration'),
  };
  return (request) => route(context, request);
}

function route(context: Context, request: AppRequest): Answer | Promise<Answer> {
  const { path } = request;
  if (path === '/' || path === '/index.html') return html(renderIndex(context.version));
  if (path === '/health') return { status: 200, type: 'text/plain; charset=utf-8', body: 'Product page is healthy' };
  if (path === '/login' && request.method === 'POST') return login(context, request);
  if (path === '/logout') return redirect(request, context.sessions.end());
  if (path === '/productpage') return productpage(context, request);
  if (path === '/api/v1/products') return json(PRODUCTS);
  const api = /^\/api\/v1\/products\/(\d+)(?:\/(reviews|ratings))?$/.exec(path);
  if (api !== null) return apiAnswer(context, request, api[1] ?? '0', api[2]);
  return json({ error: `no such path: ${path}` }, 404);
}

function html(body: string): Answer {
  return { status: 200, type: 'text/html; charset=utf-8', body };
}

function login(context: Context, request: AppRequest): Answer {
  const user = new URLSearchParams(request.body).get('username')?.trim() ?? '';
  return redirect(request, user === '' ? undefined : context.sessions.open(user));
}

/** Back to where the form stood. Only the path of the referer counts, so that nobody is led to another site. */
function redirect(request: AppRequest, cookie: string | undefined): Answer {
  const referer = request.headers['referer'];
  let location = '/productpage';
  if (typeof referer === 'string' && URL.canParse(referer)) {
    const { pathname, search } = new URL(referer);
    if (pathname.startsWith('/') && !pathname.startsWith('//')) location = pathname + search;
  }
  return { status: 302, type: 'text/plain', body: '', headers: { location, ...(cookie === undefined ? {} : { 'set-cookie': cookie }) } };
}

function headersFor(context: Context, request: AppRequest): Record<string, string> {
  const headers = forwardedHeaders(request.headers);
  const user = sessionUser(context, request);
  if (user !== undefined) headers['end-user'] = user;
  return headers;
}

function sessionUser(context: Context, request: AppRequest): string | undefined {
  const cookie = request.headers['cookie'];
  return context.sessions.user(typeof cookie === 'string' ? cookie : undefined);
}

async function productpage(context: Context, request: AppRequest): Promise<Answer> {
  const headers = headersFor(context, request);
  const [details, reviews] = await Promise.all([getDetails(context, headers, '0'), getReviews(context, headers, '0')]);
  const product = PRODUCTS[0];
  return html(
    renderProductPage({
      version: context.version,
      title: product?.title ?? '',
      summary: SUMMARY,
      user: sessionUser(context, request),
      details: part<Details>(details, 'Sorry, product details are currently unavailable for this book.'),
      reviews: part<ReviewsBody>(reviews, 'Sorry, product reviews are currently unavailable for this book.'),
    }),
  );
}

function getDetails(context: Context, headers: Record<string, string>, id: string): Promise<CallResult> {
  return get(context.details, `/details/${id}`, headers, UPSTREAM_TIMEOUT_MS);
}

/** Reviews are asked twice, three seconds each: the misfit with the ten seconds of reviews v2 that fault injection uncovers. */
async function getReviews(context: Context, headers: Record<string, string>, id: string): Promise<CallResult> {
  const first = await get(context.reviews, `/reviews/${id}`, headers, UPSTREAM_TIMEOUT_MS);
  return first.t === 'answer' ? first : get(context.reviews, `/reviews/${id}`, headers, UPSTREAM_TIMEOUT_MS);
}

function part<T>(result: CallResult, message: string): Part<T> {
  if (result.t === 'failed' || result.status !== 200) return { t: 'error', message };
  try {
    return { t: 'ok', value: JSON.parse(result.body) as T };
  } catch {
    return { t: 'error', message };
  }
}

async function apiAnswer(context: Context, request: AppRequest, id: string, what: string | undefined): Promise<Answer> {
  const headers = headersFor(context, request);
  if (what === undefined) return passOn(await getDetails(context, headers, id), 'Sorry, product details are currently unavailable for this book.');
  if (what === 'reviews') return passOn(await getReviews(context, headers, id), 'Sorry, product reviews are currently unavailable for this book.');
  return passOn(
    await get(context.ratings, `/ratings/${id}`, headers, UPSTREAM_TIMEOUT_MS),
    'Sorry, product ratings are currently unavailable for this book.',
  );
}

function passOn(result: CallResult, message: string): Answer {
  if (result.t === 'failed') return json({ error: message }, 500);
  if (result.status !== 200) return json({ error: message }, result.status);
  return { status: 200, type: 'application/json', body: result.body };
}

if (import.meta.main) await runProgram('productpage', createProductpage(process.env), process.env);
