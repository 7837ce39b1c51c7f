import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { startDatabase } from './database.ts';
import { createRatings } from './ratings.ts';
import { listen } from './server.ts';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

it('ratings v2 reads from a real Postgres, which keeps its data over a restart and leaves nothing running', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bookinfo-test-'));
  chmodSync(folder, 0o755); // root's database runs as another user, who must get in
  const port = await freePort();
  const env = { HOST: '127.0.0.1', PORT: String(port), DATA_DIR: join(folder, 'data') };
  const ratings = await listen(
    createRatings({ SERVICE_VERSION: 'v2', POSTGRESDB_SERVICE_HOST: '127.0.0.1', POSTGRESDB_SERVICE_PORT: String(port) }),
    { host: '127.0.0.1', port: 0, log: () => {} },
  );
  const ask = async (): Promise<[number, unknown]> => {
    const answer = await fetch(`http://127.0.0.1:${ratings.port}/ratings/0`);
    return [answer.status, await answer.json()];
  };
  try {
    for (let start = 0; start < 2; start += 1) {
      const database = await startDatabase(env, () => {});
      assert.deepEqual(await ask(), [200, { id: 0, ratings: { Reviewer1: 5, Reviewer2: 4 } }]);
      await database.stop();
      assert.deepEqual(await ask(), [500, { error: 'could not connect to ratings database' }]);
    }
  } finally {
    await ratings.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
