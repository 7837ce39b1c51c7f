import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

interface Row {
  readonly number: number;
  readonly promise: string;
  readonly figure: string;
  /** A file, and words that its source has in the title of a test or case. */
  readonly shown: readonly (readonly [file: string, title: string])[];
}

const PROXY = 'packages/proxy/src';
const PARITY = 'e2e/parity/cases';

const ROWS: readonly Row[] = [
  {
    number: 1,
    promise: 'Hot restart without a dropped request',
    figure: '25 swaps, 20,000 connects: 0 refused, 0 reset',
    shown: [
      ['e2e/long/hot-restart.test.ts', '25 swaps of a proxy during 20,000 connects: no connection is refused or reset'],
      ['e2e/netns/hot-restart.test.ts', 'a proxy is exchanged under load: no connection is refused or reset'],
    ],
  },
  {
    number: 2,
    promise: 'Graceful drain on stop',
    figure: '0 errors; HTTP/1.1 by `connection: close`, HTTP/2 by two GOAWAYs at once',
    shown: [
      [`${PROXY}/http/drain.test.ts`, 'a busy connection ends with its response, an idle one within a second, nothing new is taken'],
      [`${PROXY}/http/drain.test.ts`, 'HTTP/2: GOAWAY at once, first with the highest id, then with the last; what runs ends well'],
    ],
  },
  {
    number: 3,
    promise: 'Idle connections drain too',
    figure: 'within 1 s',
    shown: [
      [`${PROXY}/http/drain.test.ts`, 'a busy connection ends with its response, an idle one within a second, nothing new is taken'],
      [`${PROXY}/http/drain.test.ts`, 'HTTP/2: GOAWAY at once, first with the highest id, then with the last; what runs ends well'],
    ],
  },
  {
    number: 4,
    promise: 'Configuration is made before it is broken',
    figure: '200 changes of a route to a new cluster under load, and one whose endpoints are 2 s late: 0 errors',
    shown: [
      [
        `${PROXY}/main/make-before-break.test.ts`,
        'a route goes over to a new cluster again and again under load: checks of its hosts included, nobody sees an error',
      ],
    ],
  },
  {
    number: 5,
    promise: 'One bad resource does not stop others',
    figure: '1 of 100 refused: 99 applied; in API and metric within 1 s, and in proxy-status',
    shown: [
      [
        'e2e/loopback/one-bad-resource.test.ts',
        'row 5: one of 100 resources is refused: 99 are applied, API and metric tell of it within 1 s, and proxy-status names it',
      ],
    ],
  },
  {
    number: 6,
    promise: 'The control plane is away: traffic goes on',
    figure: '0 errors in ten minutes (`e2e/long`); a proxy that dies meanwhile is back within 1 s, its identity too',
    shown: [
      [
        'e2e/loopback/resilience.test.ts',
        'the control plane dies under load: no request fails, it comes back, every proxy is in sync within 5 s and gets nothing anew',
      ],
      [
        'e2e/loopback/resilience.test.ts',
        'a proxy dies while there is no control plane: it is back within 1 s with its configuration and its identity',
      ],
      ['e2e/long/outage.test.ts', 'no request fails in ten minutes without a control plane, and a proxy that dies meanwhile is back within 1 s'],
    ],
  },
  {
    number: 7,
    promise: 'A control plane that starts again is not overrun',
    figure:
      'all acknowledge within 10 s (40 proxies in `npm test`, 500 in `e2e/long`); less than twice the memory that it has at rest; no endpoints are taken away',
    shown: [
      ['e2e/loopback/reconnect.test.ts', 'row 7: 40 proxies come back to a new control plane at once'],
      ['e2e/long/reconnect.test.ts', 'row 7: 500 proxies come back to a new control plane at once'],
    ],
  },
  {
    number: 8,
    promise: 'Endpoints go before their processes',
    figure: '10 workloads replaced 20 times, without retries: 0 errors',
    shown: [['e2e/long/rolling-restart.test.ts', 'workloads are replaced ${ROUNDS} times: no request fails']],
  },
  {
    number: 9,
    promise: 'Retries cannot amplify',
    figure: 'share s of the load under way: at most 1 / (1 - s) times; a sixth: 1.2 times, three tiers deep 1.73 times',
    shown: [
      [
        `${PROXY}/http/amplification.test.ts`,
        'row 9: an upstream that fails always gets at most 1.2 times the load by a budget of a sixth, 1.25 times by one of a fifth',
      ],
      [`${PROXY}/http/amplification.test.ts`, 'row 9: three tiers deep it is at most 1.73 times the load'],
    ],
  },
  {
    number: 10,
    promise: 'Circuit breakers',
    figure: 'of 200 at once 10 pass where 10 may, 190 are 503 UO and counted; other clusters: 0 errors; defaults 1024 and 3',
    shown: [
      [
        `${PROXY}/http/overflow.test.ts`,
        'row 10: a flood is let through up to the limit, the rest is 503 UO and counted, and other clusters do not notice',
      ],
      [`${PROXY}/http/overflow.test.ts`, 'row 10: without thresholds the limits are those of Envoy'],
    ],
  },
  {
    number: 11,
    promise: 'Outlier detection',
    figure: '1 of 10 bad: out with its 5th error, 0 errors after; 30 s, 60 s, 90 s …; no more than the cap',
    shown: [
      [`${PROXY}/http/ejection.test.ts`, 'row 11: one of ten hosts fails always: out with its fifth error'],
      [`${PROXY}/http/ejection.test.ts`, 'row 11: half of the hosts fail: no more than max_ejection_percent are out'],
    ],
  },
  {
    number: 12,
    promise: 'Panic threshold',
    figure: '6 of 10 dead: traffic to all, each choice counted as `lb_healthy_panic`; threshold 0: the 4 get all, 0 errors',
    shown: [
      [
        `${PROXY}/health/panic.test.ts`,
        'row 12: six of ten hosts are dead: traffic goes to all of them, and each such choice is counted as lb_healthy_panic',
      ],
      [`${PROXY}/health/panic.test.ts`, 'row 12: with threshold 0 there is no panic: the four that live get everything'],
    ],
  },
  {
    number: 13,
    promise: 'Overload: the excess is shed',
    figure: '10 times the load: goodput at least 80 % of the peak, memory + 60 MB at most, admin within 100 ms',
    shown: [
      [`${PROXY}/main/overload.test.ts`, 'ten times what the application can do: it does as much as ever, memory is bounded, the admin answers'],
      [`${PROXY}/core/overload.test.ts`, 'short of memory: requests are shed with flag OM, then connections are not taken, and all comes back'],
    ],
  },
  {
    number: 14,
    promise: 'The authorization service is away',
    figure: '403 UAEX; passed over only where `failure_mode_allow` says so',
    shown: [
      [`${PARITY}/ext-authz.ts`, 'a service that is not there is no permission'],
      [`${PARITY}/ext-authz.ts`, 'a failure may be passed over'],
    ],
  },
  {
    number: 20,
    promise: 'Protocol detection has an end',
    figure: 'declared: at most 100 ms; else the time-out, counted as `downstream_pre_cx_timeout`; never an error',
    shown: [
      [`${PROXY}/net/detection.test.ts`, 'row 20: a server that speaks first: at once where its protocol is declared'],
      [`${PROXY}/net/detection.test.ts`, 'row 20: a client that sends a byte at a time'],
      [`${PROXY}/net/detection.test.ts`, 'row 20: 100 clients that say nothing'],
    ],
  },
  {
    number: 21,
    promise: 'Slow and idle attackers',
    figure: '100 slow clients closed in time, others served meanwhile',
    shown: [
      [`${PROXY}/core/overload.test.ts`, 'clients that send their heads in drops, or nothing, are closed in time; others are served meanwhile'],
    ],
  },
  {
    number: 22,
    promise: 'Memory is flat',
    figure:
      '1 M requests, 10 k connections, 10 k changes, twice: + 10 % at most from one round to the next (measured: 116 MB at first, 167 MB after one round, 160 MB after two)',
    shown: [
      ['e2e/long/memory.test.ts', 'memory after ${REQUESTS} requests, ${CONNECTIONS} connections, ${CHANGES} changes, and after as many again'],
    ],
  },
  {
    number: 26,
    promise: 'The resolver is a black hole',
    figure: '0 errors with the last good addresses; `dns_stale` 1, `update_failure` counts',
    shown: [
      [
        `${PROXY}/config/dns-clusters.test.ts`,
        'row 26: the resolver is a black hole: the last good addresses are served, and a metric says that they are stale',
      ],
    ],
  },
  {
    number: 29,
    promise: 'A fault ends at its time',
    figure: '`meltemi.io/ttl`, with the control plane and without it',
    shown: [['e2e/loopback/ttl.test.ts', 'a fault ends at its time, with the control plane and without it']],
  },
  {
    number: 30,
    promise: 'What lasts ends with a reason: WebSocket, long poll',
    figure: 'after the drain time, counted',
    shown: [[`${PROXY}/http/drain.test.ts`, 'what lasts is ended with a reason when the time is up, and counted: long poll, WebSocket, HTTP/2, TCP']],
  },
];

const ROOT = join(import.meta.dirname, '../..');
const PAGE = join(ROOT, 'docs/reference/reliability.md');

test('every promise of reliability has its tests', () => {
  for (const { number, shown } of ROWS) {
    for (const [file, title] of shown) {
      assert.ok(existsSync(join(ROOT, file)), `row ${number}: ${file}`);
      assert.ok(readFileSync(join(ROOT, file), 'utf8').includes(title), `row ${number}: ${file} has no "${title}"`);
    }
  }
});

test('docs/reference/reliability.md is what the table says', () => {
  const told = (text: string): string => text.replace(/\$\{\w+\}/g, '…');
  const rows = ROWS.map(
    ({ number, promise, figure, shown }) =>
      `| ${number} | ${promise} | ${figure} | ${shown.map(([file, title]) => `\`${file}\`: ${told(title)}`).join('<br>')} |`,
  );
  const page = `# Reliability

What is promised when parts fail, the figure, and the test that shows it. Tests below \`e2e/long\` are not part of \`npm test\`; cases below \`e2e/parity\` run on both data planes.

| row | promise | figure | shown by |
|---|---|---|---|
${rows.join('\n')}
`;
  if (process.env['MELTEMI_GOLDEN'] === 'write') writeFileSync(PAGE, page);
  assert.equal(readFileSync(PAGE, 'utf8'), page, 'write it anew with MELTEMI_GOLDEN=write');
});
