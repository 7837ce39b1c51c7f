/// <reference lib="dom" />
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser, whyNoBrowser } from './browser.ts';
import { buildConsole } from './build.ts';
import { startFakeConsole, type FakeConsole } from './fake-console.ts';
import { HOSTILE, largeGraph } from './large-graph.ts';

/** Where pictures go, when somebody wants to look: SCREENSHOTS=folder. */
const SHOTS = process.env['SCREENSHOTS'];

async function shoot(page: Page, name: string): Promise<void> {
  if (SHOTS === undefined) return;
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: `${SHOTS}/${name}.png` });
}

describe('console in a browser', { skip: whyNoBrowser() ?? false, timeout: 120_000 }, () => {
  let browser: Browser;
  let fake: FakeConsole;
  const faults: string[] = [];
  before(async () => {
    buildConsole();
    fake = await startFakeConsole();
    browser = await launchBrowser();
  });
  after(async () => {
    await browser.close();
    await fake[Symbol.asyncDispose]();
  });

  async function open(path: string, colorScheme: 'dark' | 'light' = 'light'): Promise<Page> {
    const page = await browser.newPage({ viewport: { width: 1440, height: 860 }, colorScheme });
    page.on('pageerror', (error) => faults.push(error.message));
    await page.goto(fake.url + path);
    return page;
  }

  it('draws the graph, follows a change of rate by push, and keeps every node where it stands', async () => {
    const page = await open('/console/graph/namespaces');
    const graph = page.getByTestId('graph');
    await graph.and(page.locator('[data-laid-out="true"]')).waitFor();
    assert.deepEqual(
      [await graph.getAttribute('data-apps'), await graph.getAttribute('data-services'), await graph.getAttribute('data-edges')],
      ['9', '5', '14'],
    );
    assert.equal(await page.getByTestId('graph-counts').textContent(), '9 apps, 5 services, 14 edges');
    assert.ok(await isPainted(page), 'something is drawn');
    const before = await places(page);
    await page.evaluate(() => void Object.assign(window, { sameDocument: true }));
    fake.set({ requestsPerSecond: 60 });
    await page.waitForFunction(() => document.querySelector('[data-testid="rates"] td')?.textContent === '220', undefined, { timeout: 2000 });
    fake.set({ reviewsVersions: ['v2', 'v3'] });
    await graph.and(page.locator('[data-edges="13"]')).waitFor({ timeout: 2000 });
    fake.set({ reviewsVersions: ['v1', 'v2', 'v3'], requestsPerSecond: 6 });
    await graph.and(page.locator('[data-edges="14"]')).waitFor({ timeout: 2000 });
    assert.deepEqual(await places(page), before, 'no node moved');
    assert.equal(await page.evaluate(() => 'sameDocument' in window), true, 'without a reload');
    await shoot(page, 'graph-light');
    await page.close();
  });

  it('keeps places over a reload, and sets a new node beside the old ones', async () => {
    fake.set({ database: false });
    const page = await open('/console/graph/namespaces');
    await page.getByTestId('graph').and(page.locator('[data-laid-out="true"]')).waitFor();
    await page.waitForFunction(() => (localStorage.getItem('meltemi.layout') ?? '').length > 100);
    const before = await places(page);
    await page.reload();
    fake.set({ database: true });
    await page.getByTestId('graph').and(page.locator('[data-edges="14"]')).waitFor();
    await page.waitForFunction(
      (count) =>
        Object.keys(
          (JSON.parse(localStorage.getItem('meltemi.layout') ?? '{}') as { layouts: Record<string, { places: object }> }).layouts[
            'layered/versionedApp'
          ]?.places ?? {},
        ).length > count,
      Object.keys(before).length,
    );
    const now = await places(page);
    for (const [id, at] of Object.entries(before)) assert.deepEqual(now[id], at);
    await page.close();
  });

  it('says within five seconds that the stream is cut, and when it is back', async () => {
    const page = await open('/console/graph/namespaces');
    await page.getByTestId('graph').waitFor();
    fake.cut(true);
    await page.getByTestId('stale-banner').waitFor({ timeout: 5000 });
    assert.ok(await page.getByTestId('graph').isVisible(), 'the last picture stays');
    await shoot(page, 'graph-stale');
    fake.cut(false);
    await page.getByTestId('stale-banner').waitFor({ state: 'detached', timeout: 8000 });
    await page.close();
  });

  it('is usable without a pointer, and has a table twin with links that hold the whole state', async () => {
    fake.set({ ratingsErrorPercent: 25 });
    const page = await open('/console/graph/namespaces', 'dark');
    await page.getByTestId('graph').and(page.locator('[data-laid-out="true"]')).waitFor();
    await page.getByRole('application').focus();
    await page.keyboard.press('ArrowRight');
    await page.waitForURL(/selected=/);
    await page.getByTestId('side-panel').getByRole('heading', { level: 2 }).filter({ hasText: 'istio-ingressgateway' }).waitFor();
    await page.getByRole('button', { name: 'Table', exact: true }).click();
    await page.locator('[data-edge="reviews v3 > ratings"]').getByRole('button').click();
    const panel = page.getByTestId('side-panel');
    await panel.getByText('mTLS Enabled [100% of request traffic]').waitFor();
    await panel.getByText('spiffe://cluster.local/ns/bookinfo/sa/bookinfo-reviews').waitFor();
    await panel.getByRole('tab', { name: 'Flags' }).click();
    await panel.getByText('No healthy upstream').waitFor();
    await page.getByRole('combobox', { name: 'Find expression' }).fill('! healthy');
    await page.getByRole('combobox', { name: 'Find expression' }).press('Enter');
    await page.getByText('2 found').waitFor();
    await page.getByRole('combobox', { name: 'Hide expression' }).fill('name = reviews');
    await page.getByRole('combobox', { name: 'Hide expression' }).press('Enter');
    await page.locator('[data-edge="reviews v3 > ratings"]').waitFor({ state: 'detached' });
    const link = page.url();
    await page.goto(link);
    await page.getByTestId('graph-table').waitFor();
    assert.equal(await page.getByRole('combobox', { name: 'Hide expression' }).inputValue(), 'name = reviews');
    fake.set({ ratingsErrorPercent: 0 });
    await page.close();
  });

  it('shows cards, lists and configuration, in light and dark', async () => {
    const page = await open('/');
    await page.waitForURL(/\/console\/overview/);
    const card = page.locator('[data-namespace="bookinfo"]');
    await card.getByText('5 applications').waitFor();
    await page.locator('[data-namespace="default"]').getByText('No traffic').waitFor();
    assert.equal(await page.getByTestId('mesh-mtls').textContent(), 'Mesh-wide mTLS is enabled');
    await shoot(page, 'overview-light');
    await page.getByRole('button', { name: 'Switch to dark theme' }).click();
    await page.locator('html[data-mantine-color-scheme="dark"]').waitFor();
    await page.getByRole('link', { name: 'Workloads', exact: true }).click();
    await page.getByTestId('workload-list').getByText('Missing Sidecar').waitFor();
    await page.getByRole('textbox', { name: 'Filter by Name' }).fill('reviews');
    await page.getByRole('textbox', { name: 'Filter by Name' }).press('Enter');
    await page.getByText('3 items').waitFor();
    await shoot(page, 'workloads-dark');
    await page.getByRole('button', { name: 'Clear all' }).click();
    await page.getByText('9 items').waitFor();
    await page.getByRole('link', { name: 'Istio Config', exact: true }).click();
    const held = page.getByTestId('config-list').locator('tr', { hasText: 'reviews-canary' }).first();
    assert.match((await held.textContent()) ?? '', /Held back.*config\/reviews-canary.yaml:14/);
    await page.getByText('it stands under destination instead of beside it').waitFor();
    await page.reload();
    await page.locator('html[data-mantine-color-scheme="dark"]').waitFor();
    await page.close();
  });

  it('stays usable with 500 nodes, and takes names as names', async () => {
    fake.show(largeGraph(500));
    const page = await open('/console/graph/namespaces');
    await page.getByTestId('graph').and(page.locator('[data-laid-out="true"][data-apps="500"]')).waitFor({ timeout: 30_000 });
    await page.getByRole('application').focus();
    const took = await page.evaluate(async () => {
      const started = performance.now();
      document.querySelector('[role="application"]')?.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }));
      while (document.querySelector('[data-testid="side-panel"] dl') === null) await new Promise((resolve) => requestAnimationFrame(resolve));
      return performance.now() - started;
    });
    assert.ok(took < 2000, `choosing a node took ${took.toFixed(0)} ms`);
    await page.getByRole('button', { name: 'Table', exact: true }).click();
    await page
      .getByTestId('graph-table')
      .getByText(HOSTILE[0] ?? '')
      .first()
      .waitFor();
    assert.equal(await page.evaluate(() => 'harmed' in window), false);
    const scroll = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(scroll, 0, 'long names do not widen the page');
    await shoot(page, 'large');
    fake.show(undefined);
    await page.close();
  });

  it('has thrown nothing on the way', () => assert.deepEqual(faults, []));
});

/** Whether the graph's canvas has more than one colour. */
function isPainted(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const canvas = document.querySelector<HTMLCanvasElement>('[data-testid="graph"] canvas');
    const data = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    let painted = 0;
    for (let at = 3; at < data.length; at += 4) if ((data[at] ?? 0) > 200) painted += 1;
    return painted > 2000;
  });
}

function places(page: Page): Promise<Record<string, { x: number; y: number }>> {
  return page.evaluate(
    () =>
      (
        JSON.parse(localStorage.getItem('meltemi.layout') ?? '{}') as {
          layouts?: Record<string, { places: Record<string, { x: number; y: number }> }>;
        }
      ).layouts?.['layered/versionedApp']?.places ?? {},
  );
}
