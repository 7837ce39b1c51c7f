/// <reference lib="dom" />
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { GraphJson, NodeJson } from '@meltemi/console-api';
import type { Browser } from 'playwright-core';
import { startDemo, type Demo } from '../testkit/demo.ts';
import { eventually, startLoad } from '../testkit/load.ts';
import { launchBrowser, whyNoBrowser } from './browser.ts';
import { drawnCounts, openConsole, pixelsOf, type ConsolePage } from './console-page.ts';

const GRAPH = '/api/namespaces/graph?namespaces=bookinfo&graphType=versionedApp&duration=60s';
const HEALTHY = [0x3d, 0x73, 0x17] as const;
const FAILURE = [0xb1, 0x38, 0x0b] as const;

const nameOf = (node: NodeJson | undefined): string => node?.service ?? [node?.app, node?.version].filter((one) => one !== undefined).join(' ');

describe('the graph of the running demo in a browser', { skip: whyNoBrowser() ?? false, timeout: 150_000 }, () => {
  let demo: Demo;
  let browser: Browser;
  let opened: ConsolePage;
  before(async () => {
    // Requests enough for every version within the first second of looking.
    demo = await startDemo(['--load', '12']);
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await demo?.[Symbol.asyncDispose]();
  });

  const graph = async (): Promise<GraphJson> => (await (await fetch(demo.urls.console + GRAPH)).json()) as GraphJson;
  const edgesOf = async (): Promise<string[]> => {
    const { nodes, edges } = (await graph()).elements;
    const byId = new Map(nodes.map(({ data }) => [data.id, data]));
    return edges.map(({ data }) => `${nameOf(byId.get(data.source))} > ${nameOf(byId.get(data.target))}`).toSorted();
  };

  it('draws the 9 apps, 5 services and 14 edges that the API has, locked and healthy', async () => {
    await eventually('14 edges at the API', 20_000, async () => ((await graph()).elements.edges.length === 14 ? true : undefined));
    opened = await openConsole(browser, `${demo.urls.console}/console/graph/namespaces?namespaces=bookinfo`);
    const { page } = opened;
    await page.getByTestId('graph').and(page.locator('[data-edges="14"]')).waitFor({ timeout: 5000 });
    assert.deepEqual(await drawnCounts(page), [9, 5, 14]);
    assert.equal(await page.getByTestId('graph-counts').textContent(), '9 apps, 5 services, 14 edges');
    assert.ok((await pixelsOf(page, HEALTHY)) > 500, 'healthy edges are drawn in green');
    await page.getByRole('button', { name: 'Table', exact: true }).click();
    const rows = page.locator('[data-edge]');
    const drawn = await rows.evaluateAll((all) => all.map((row) => row.getAttribute('data-edge') ?? '').toSorted());
    assert.deepEqual(drawn, await edgesOf(), 'the same edges as the API');
    const mtls = await rows.evaluateAll((all) => all.map((row) => row.querySelector('td:last-child')?.textContent));
    assert.deepEqual([...new Set(mtls)], ['100%'], 'mutual TLS on every edge');
    await page.getByRole('button', { name: 'Table', exact: true }).click();
  });

  it('shows a change of rate without reload', async () => {
    const { page } = opened;
    await page.evaluate(() => void Object.assign(window, { sameDocument: true }));
    const rate = async (): Promise<number> => Number(await page.getByTestId('rates').first().locator('td').first().textContent());
    const calm = await rate();
    const load = startLoad(`${demo.urls.gateway}/productpage`, 4);
    await eventually('a higher rate in the panel', 15_000, async () => ((await rate()) > calm * 1.2 + 3 ? true : undefined));
    await load.stop();
    assert.equal(await page.evaluate(() => 'sameDocument' in window), true);
  });

  it('shows a new edge within two seconds of its first request, and failures in red', async () => {
    const { page } = opened;
    const applied = await demo.cli('apply', '-f', 'samples/bookinfo/routing/virtual-service-productpage-v2.yaml');
    assert.equal(applied.code, 0, applied.stderr);
    const first = await fetch(`${demo.urls.gateway}/productpage`);
    assert.equal(first.status, 200);
    // One more version, and with it an edge in from its service and two out of it.
    await page.waitForFunction(() => Number(document.querySelector('[data-testid="graph"]')?.getAttribute('data-edges')) > 14, undefined, {
      timeout: 2000,
    });
    await page.getByTestId('graph').and(page.locator('[data-apps="10"][data-edges="17"]')).waitFor({ timeout: 3000 });
    assert.ok((await edgesOf()).includes('productpage > productpage v2'));
    const abort = await demo.cli('apply', '-f', 'samples/bookinfo/routing/virtual-service-ratings-test-abort.yaml');
    assert.equal(abort.code, 0, abort.stderr);
    const load = startLoad(`${demo.urls.gateway}/productpage`, 2, { 'end-user': 'jason' });
    await eventually('red in the picture', 15_000, async () => ((await pixelsOf(page, FAILURE)) > 100 ? true : undefined));
    await load.stop();
    assert.deepEqual(opened.faults, []);
  });
});
