/** `npm run golden`: rewrites every golden file. Look at the diff before you commit it. */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';

const files = globSync(['packages/*/src/**/*golden*.test.ts']);
const result = spawnSync(process.execPath, ['--test', '--test-isolation=none', ...files], {
  stdio: 'inherit',
  env: { ...process.env, MELTEMI_GOLDEN: 'write' },
});
process.exit(result.status ?? 1);
