import { enableCompileCache } from 'node:module';
enableCompileCache();
const list = process.argv.slice(2);
let last = process.cpuUsage();
for (const name of list) { const w = performance.now(); await import(name); const c = process.cpuUsage(last); last = process.cpuUsage(); console.log(name, 'cpu', ((c.user + c.system) / 1000).toFixed(1), 'wall', (performance.now() - w).toFixed(1)); }
