import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** The licence texts of everything that the package carries inside its bundles: most licences ask for that. */
export function licences(root: string, bundled: ReadonlySet<string>): string {
  const folders = [...[...bundled].map((folder) => join(root, folder)), ...consolePackages(root)];
  const texts = new Map<string, string>();
  for (const folder of folders) {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      name: string;
      version: string;
      license?: string;
    };
    const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
    const text = files.map((file) => readFileSync(join(folder, file), 'utf8').trim()).join('\n\n');
    texts.set(`${name} ${version}`, text === '' ? `Licence: ${license ?? 'not stated'}` : text);
  }
  return [...texts]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([title, text]) => `==== ${title}\n\n${text}\n`)
    .join('\n');
}

/** What the browser's bundle may hold: the console's dependencies and theirs. Building tools are among them; naming one more does no harm. */
function consolePackages(root: string): readonly string[] {
  const found = new Set<string>();
  const visit = (folder: string): void => {
    const manifest = join(folder, 'package.json');
    const { dependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8')) as { dependencies?: Record<string, string> };
    for (const name of Object.keys(dependencies)) {
      if (name.startsWith('@meltemi/') || name.startsWith('@types/')) continue;
      const place = packageFolder(manifest, name);
      if (place === undefined || found.has(place)) continue;
      found.add(place);
      visit(place);
    }
  };
  visit(join(root, 'apps/console'));
  return [...found];
}

function packageFolder(from: string, name: string): string | undefined {
  const paths = createRequire(from).resolve.paths(name) ?? [];
  return paths.map((path) => join(path, name)).find((folder) => existsSync(join(folder, 'package.json')));
}
