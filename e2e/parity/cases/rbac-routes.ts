import { defineCase } from '../define.ts';
import { DISABLED, filtered, settings } from '../filters.ts';
import { deny, header, PASSED, path, policy, rbac, REFUSED, withHeader } from '../rbac.ts';
import { any, direct, to } from '../resources.ts';
import { http } from '../steps.ts';

const perRoute = (config: object): object => any('filters.http.rbac.v3.RBACPerRoute', config);

/** Access control where routes have rules of their own, and what it leaves for the log. */
export const cases = [
  defineCase({
    name: 'a route has its own rules',
    resources: (c) =>
      filtered(
        c,
        [rbac({ rules: {} })],
        [
          to(
            c,
            'main',
            { prefix: '/own' },
            {},
            settings({ rbac: perRoute({ rbac: { rules: { policies: { p: policy(header('x', { present_match: true })) } } } }) }),
          ),
          to(c, 'main'),
        ],
      ),
    steps: [http({ path: '/own', ...withHeader('x', '1') }, PASSED), http('/own', REFUSED), http('/other', REFUSED)],
  }),
  defineCase({
    name: 'a route without rules lets pass',
    resources: (c) => filtered(c, [rbac({ rules: {} })], [to(c, 'main', { prefix: '/open' }, {}, settings({ rbac: perRoute({}) })), to(c, 'main')]),
    steps: [http('/open', PASSED), http('/other', REFUSED)],
  }),
  defineCase({
    name: 'a filter that is off on a route',
    resources: (c) => filtered(c, [rbac({ rules: {} })], [to(c, 'main', { prefix: '/open' }, {}, settings({ rbac: DISABLED })), to(c, 'main')]),
    steps: [http('/open', PASSED), http('/other', REFUSED)],
  }),
  defineCase({
    name: 'a filter that is off but for one route',
    resources: (c) =>
      filtered(
        c,
        [{ ...rbac({ rules: {} }), disabled: true }],
        [to(c, 'main', { prefix: '/closed' }, {}, settings({ rbac: perRoute({ rbac: { rules: {} } }) })), to(c, 'main')],
      ),
    steps: [http('/closed', REFUSED), http('/other', PASSED)],
  }),
  defineCase({
    name: 'a direct response and a request without a route are refused too',
    resources: (c) =>
      filtered(
        c,
        [deny(header('x', { present_match: true }))],
        [direct('here', { prefix: '/direct' }), { match: { prefix: '/moved' }, redirect: { path_redirect: '/new' } }],
      ),
    steps: [
      http({ path: '/direct', ...withHeader('x', '1') }, REFUSED),
      http({ path: '/moved', ...withHeader('x', '1') }, REFUSED),
      http({ path: '/nowhere', ...withHeader('x', '1') }, REFUSED),
      http('/direct', { status: 200, body: 'here' }),
      http('/nowhere', { status: 404 }),
    ],
  }),
  defineCase({
    name: 'rules on trial leave their result for the log',
    resources: (c) =>
      filtered(
        c,
        [rbac({ shadow_rules: { action: 'DENY', policies: { trial: policy(path({ prefix: '/a' })) } }, shadow_rules_stat_prefix: 'x_' })],
        undefined,
        {
          policy: '%DYNAMIC_METADATA(envoy.filters.http.rbac:x_shadow_effective_policy_id)%',
          result: '%DYNAMIC_METADATA(envoy.filters.http.rbac:x_shadow_engine_result)%',
        },
      ),
    steps: [http('/a', PASSED), http('/b', PASSED)],
    log: [
      { policy: 'trial', result: 'denied' },
      { policy: null, result: 'allowed' },
    ],
  }),
  defineCase({
    name: 'what an enforced policy leaves for the log',
    resources: (c) =>
      filtered(c, [rbac({ rules: { policies: { open: policy(path({ prefix: '/a' })) } }, rules_stat_prefix: 'mine_' })], undefined, {
        all: '%DYNAMIC_METADATA(envoy.filters.http.rbac)%',
      }),
    steps: [http('/a', PASSED), http('/b', REFUSED)],
  }),
  defineCase({
    name: 'LOG lets everything pass and says what matched',
    resources: (c) =>
      filtered(c, [rbac({ rules: { action: 'LOG', policies: { p: policy(path({ prefix: '/a' })) } } })], undefined, {
        hint: '%DYNAMIC_METADATA(envoy.common:access_log_hint)%',
      }),
    steps: [http('/a', PASSED), http('/b', PASSED)],
    log: [{ hint: true }, { hint: false }],
  }),
];
