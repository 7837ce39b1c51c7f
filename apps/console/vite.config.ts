import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// One page, built into dist/. Asset names carry their hash, so that they may be cached for good.
// eslint-disable-next-line import/no-default-export -- vite asks for it
export default defineConfig({
  plugins: [react()],
  // One React for all, also for packages that ask for it without naming it (a linked install hides it from them).
  resolve: { dedupe: ['react', 'react-dom'] },
  build: { outDir: 'dist', emptyOutDir: true, target: 'es2023', sourcemap: false, reportCompressedSize: false, chunkSizeWarningLimit: 2000 },
  worker: { format: 'es' },
  server: {
    proxy: {
      '/api': 'http://127.0.0.1:20001',
      '/meltemi': 'http://127.0.0.1:20001',
      '/prometheus': 'http://127.0.0.1:20001',
      '/jaeger': 'http://127.0.0.1:20001',
    },
  },
});
