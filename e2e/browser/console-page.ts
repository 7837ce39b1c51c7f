/// <reference lib="dom" />
import type { Browser, Page } from 'playwright-core';

/** A page of the console, with everything that went wrong in it. */
export interface ConsolePage {
  readonly page: Page;
  /** Exceptions, errors on the console, and answers of 400 and above. */
  readonly faults: readonly string[];
}

/** Opens a page of the console. Faults are gathered from the first byte on. */
export async function openConsole(browser: Browser, url: string): Promise<ConsolePage> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' });
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  page.on('response', (response) => {
    if (response.status() >= 400) faults.push(`${response.status()} ${response.url()}`);
  });
  await page.goto(url);
  return { page, faults };
}

/** Waits until all nodes have their place; answers `[apps, services, edges]` of what is drawn. */
export async function drawnCounts(page: Page): Promise<readonly number[]> {
  const graph = page.getByTestId('graph');
  await graph.and(page.locator('[data-laid-out="true"]')).waitFor();
  return Promise.all(['data-apps', 'data-services', 'data-edges'].map(async (name) => Number(await graph.getAttribute(name))));
}

/** How many pixels of the drawn graph have a colour, within some distance of it. */
export function pixelsOf(page: Page, [red, green, blue]: readonly [number, number, number]): Promise<number> {
  return page.evaluate(
    ([r, g, b]) => {
      const canvas = document.querySelector<HTMLCanvasElement>('[data-testid="graph"] canvas');
      const data = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
      let count = 0;
      for (let at = 0; at < data.length; at += 4)
        if (Math.abs((data[at] ?? 0) - r) + Math.abs((data[at + 1] ?? 0) - g) + Math.abs((data[at + 2] ?? 0) - b) < 24 && data[at + 3] === 255)
          count += 1;
      return count;
    },
    [red, green, blue] as const,
  );
}
