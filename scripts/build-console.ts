/** `npm run console`: builds apps/console to where the control plane serves it from. `npm start` does the same by itself. */
import { ensureConsole } from '../apps/meltemi/src/demo/build-console.ts';
import { createProgress } from '../apps/meltemi/src/demo/progress.ts';
import { consoleOutput } from '../apps/meltemi/src/output/output.ts';

const progress = createProgress(consoleOutput);
await ensureConsole(progress);
progress.done('the console is up to date');
