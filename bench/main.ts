// `npm run bench -- NAME [options]`: one file per question.
const BENCHES: Readonly<Record<string, () => Promise<{ run(args: readonly string[]): Promise<void> }>>> = {
  http1: () => import('./http1.ts'),
  http2: () => import('./http2.ts'),
  tcp: () => import('./tcp.ts'),
  bodies: () => import('./bodies.ts'),
  'bodies-http2': () => import('./bodies-http2.ts'),
  connections: () => import('./connections.ts'),
  routes: () => import('./routes.ts'),
  inbound: () => import('./inbound.ts'),
  streaming: () => import('./streaming.ts'),
  startup: () => import('./startup.ts'),
  scope: () => import('./scope.ts'),
  'control-plane': () => import('./control-plane.ts'),
};

const [name = '', ...args] = process.argv.slice(2);
const load = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
if (load === undefined) {
  console.error(
    `unknown bench "${name}"; there are: ${Object.keys(BENCHES).join(', ')}\n  npm run bench -- http1 [--rounds 7] [--seconds 4] [--case plain,mesh] [--no-latency] [--no-write]: the others are alike\n  npm run bench -- control-plane [--rounds 21] [--case whole,scoped,storm,scoped-storm] [--namespaces 10] [--sources]`,
  );
  process.exit(2);
}
await (await load()).run(args);
