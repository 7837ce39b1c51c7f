import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Locator } from 'playwright-core';
import { launchBrowser, whyNoBrowser } from './browser.ts';
import { buildConsole } from './build.ts';
import { openConsole, type ConsolePage } from './console-page.ts';
import { startControlPlane, type RunningControlPlane } from './control-plane.ts';

const virtualService = (name: string, host: string, route: string): string => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: ${name}
  namespace: bookinfo
spec:
  hosts:
    - ${host}
  http:
    - route:
${route}
`;
const destinationRule = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: twice
  namespace: bookinfo
spec:
  host: reviews
`;
const good = virtualService('reviews', 'reviews', '        - destination:\n            host: reviews');
/** Each VirtualService has a host of its own: two on one host would be a finding of their own. */
const services = ['reviews', 'slip', 'nowhere', 'field', 'type']
  .map((name) => `apiVersion: v1\nkind: Service\nmetadata: { name: ${name}, namespace: bookinfo }\nspec:\n  ports: [{ name: http, port: 9080 }]\n`)
  .join('---\n');

describe('broken configuration in the console', { skip: whyNoBrowser() ?? false, timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'meltemi-config-'));
  const config = join(folder, 'config');
  const write = (file: string, text: string): void => writeFileSync(join(config, file), text);
  let controlPlane: RunningControlPlane;
  let browser: Browser;
  let opened: ConsolePage;
  before(async () => {
    buildConsole();
    mkdirSync(config);
    write('services.yaml', services);
    write('reviews.yaml', good);
    write('twice.yaml', destinationRule);
    controlPlane = await startControlPlane(join(folder, 'state'), config);
    browser = await launchBrowser();
    opened = await openConsole(browser, `${controlPlane.consoleUrl}/console/istio`);
  });
  after(async () => {
    await browser?.close();
    await controlPlane?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const row = (name: string): Locator => opened.page.locator(`tr[data-name="${name}"]`);
  /** State and place of an object, and what is said about it below. */
  const shown = async (name: string): Promise<readonly string[]> => {
    const state = await row(name).getAttribute('data-state');
    const messages = opened.page.locator(`tr[data-messages-of="${name}"] li`);
    return [state ?? '', ...(await messages.allInnerTexts()).map((text) => text.replaceAll(/\s+/g, ' '))];
  };

  it('lists what is in force as valid, with its file and line', async () => {
    await row('reviews').getByText('Valid', { exact: true }).waitFor();
    assert.match(await row('reviews').innerText(), /reviews\.yaml:1/);
  });

  it('shows each kind of mistake as soon as its file is written: severity, file, line, reason and fix', async () => {
    write('slip.yaml', virtualService('slip', 'slip', '        - destination:\n            host: reviews\n            weight: 90'));
    write('syntax.yaml', 'kind: VirtualService\nspec: [a\nmetadata: {}\n');
    write('nowhere.yaml', virtualService('nowhere', 'nowhere', '        - destination:\n            host: reveiws'));
    write('field.yaml', virtualService('field', 'field', '        - destinaton:\n            host: reviews'));
    write('type.yaml', virtualService('type', 'type', '        - destination:\n            host: reviews\n          weight: much'));
    write('zz-twice.yaml', destinationRule);
    for (const name of ['slip', 'syntax.yaml', 'nowhere', 'field', 'type']) await row(name).waitFor({ timeout: 5000 });
    await row('twice').getByText('Not Valid').waitFor({ timeout: 5000 });
    const expected: Readonly<Record<string, readonly RegExp[]>> = {
      slip: [/Not Valid/, /"weight" belongs beside "destination".*slip\.yaml:13:13.*Fix:.*weight: 90/],
      'syntax.yaml': [/Not Valid/, /not closed.*syntax\.yaml:2:7.*Fix:/],
      nowhere: [/Not Valid|Warning/, /reveiws.*nowhere\.yaml:12:\d+.*Fix:.*reviews/],
      field: [/Not Valid/, /destinaton.*field\.yaml:11.*Fix:.*destination/],
      type: [/Not Valid/, /number.*much.*type\.yaml:13:\d+.*Fix:/],
      twice: [/Not Valid/, /twice\.yaml:1.*Fix:.*another name/],
    };
    for (const [name, patterns] of Object.entries(expected)) {
      const texts = await shown(name);
      for (const pattern of patterns)
        assert.ok(
          texts.some((text) => pattern.test(text)),
          `${name}: ${pattern} is not in\n${texts.join('\n')}`,
        );
    }
    for (const name of ['slip', 'syntax.yaml', 'field', 'type']) assert.match(await row(name).innerText(), /Held back/, name);
    assert.equal((await shown('reviews'))[0], 'Valid', 'everything else stays in force');
  });

  it('opens the object with its YAML, and the message on its line', async () => {
    const { page } = opened;
    await row('nowhere').getByRole('link', { name: 'nowhere' }).click();
    await page.waitForURL(/\/namespaces\/bookinfo\/istio\/networking\.istio\.io\/v1\/VirtualService\/nowhere/);
    const marked = page.locator('[data-testid="yaml"] [data-severity]').first();
    assert.match(await marked.innerText(), /host: reveiws/);
    await page.getByTestId('config-messages').getByText('reveiws').first().waitFor();
    await page.reload();
    await marked.waitFor();
    await page.goBack();
    await row('nowhere').waitFor();
  });

  it('takes the correction without reload, also from a control plane that was restarted', async () => {
    const port = Number(new URL(controlPlane.consoleUrl).port);
    await controlPlane[Symbol.asyncDispose]();
    write('slip.yaml', virtualService('slip', 'slip', '        - destination:\n            host: reviews\n          weight: 90'));
    controlPlane = await startControlPlane(join(folder, 'state'), config, port);
    // A weight that stands alone is allowed, and said to mean nothing.
    await row('slip').getByText('Warning', { exact: true }).waitFor({ timeout: 15_000 });
    rmSync(join(config, 'syntax.yaml'));
    await row('syntax.yaml').waitFor({ state: 'detached', timeout: 5000 });
    const unexpected = opened.faults.filter((fault) => !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET/.test(fault));
    assert.deepEqual(unexpected, []);
  });
});
