import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundledSchema } from '@meltemi/protos';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SCRIPT = new URL('../../scripts/pack-bundle.ts', import.meta.url).href;

/** What is measured is what is shipped: bundled, and not sources that Node has to strip of types, which costs memory. */
interface Bundler {
  readonly bundle: (root: string, outdir: string) => Promise<unknown>;
  readonly bundleProgram: (root: string, entry: string, outdir: string) => Promise<void>;
}

/** What `npm run pack` would ship, in a folder of its own; answers its main. */
export async function bundleProduct(folder: string): Promise<string> {
  const { bundle } = (await import(SCRIPT)) as Bundler;
  const dist = join(folder, 'dist');
  mkdirSync(join(folder, 'console'), { recursive: true });
  mkdirSync(dist, { recursive: true });
  await bundle(ROOT, dist);
  for (const { fileName, text } of [bundledSchema('sidecar'), bundledSchema('all')]) writeFileSync(join(dist, fileName), text);
  writeFileSync(join(folder, 'package.json'), '{"name":"meltemi","version":"0.0.0","type":"module"}\n');
  return join(dist, 'main.js');
}

/** `embedded-proxy.ts`, put together in the same way; answers its path. */
export async function bundleProxy(folder: string): Promise<string> {
  const { bundleProgram } = (await import(SCRIPT)) as Bundler;
  const dist = join(folder, 'dist');
  mkdirSync(dist, { recursive: true });
  await bundleProgram(ROOT, 'bench/lib/embedded-proxy.ts', dist);
  const { fileName, text } = bundledSchema('sidecar');
  writeFileSync(join(dist, fileName), text);
  writeFileSync(join(folder, 'package.json'), '{"name":"meltemi","version":"0.0.0","type":"module"}\n');
  return join(dist, 'embedded-proxy.js');
}
