import type { Problem } from '@meltemi/base';
import { json, type Route } from '@meltemi/http';
import type { ConfigStore } from '@meltemi/registry';

/** `GET /meltemi/v1/problems?kind=&namespace=&name=`: `{ problems: Problem[] }`, those of the store first. */
export function problemsRoute(deps: { readonly store: ConfigStore; readonly problems?: () => readonly Problem[] }): Route {
  return {
    method: 'GET',
    path: '/meltemi/v1/problems',
    handler(request) {
      const wanted = (['kind', 'namespace', 'name'] as const).map((field) => [field, request.query.get(field)] as const);
      const problems = [...deps.store.problems(), ...(deps.problems?.() ?? [])];
      return json(200, {
        problems: problems.filter((problem) => wanted.every(([field, value]) => value === null || problem.object?.[field] === value)),
      });
    },
  };
}
