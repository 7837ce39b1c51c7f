import { defineCase, type ParityCase } from './define.ts';
import { direct, http1 } from './resources.ts';
import { http, type Http1Request, type Step } from './steps.ts';

/** Routes that answer with their own name; the rest is 404. */
export function matching(name: string, match: object, asked: readonly (readonly [request: string | Http1Request, matches: boolean])[]): ParityCase {
  return defineCase({
    name,
    resources: (c) => http1(c, [direct('yes', match, { name: 'it' })]),
    steps: asked.map(([request, matches]): Step => http(request, matches ? { status: 200, body: 'yes' } : { status: 404, body: '' })),
    log: asked.map(([, matches]) =>
      matches ? { code: 200, route: 'it', flags: '-', details: 'direct_response' } : { code: 404, flags: 'NR', details: 'route_not_found' },
    ),
  });
}
