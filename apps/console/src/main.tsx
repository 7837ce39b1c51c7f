import '@mantine/core/styles.css';
import './app/styles.css';
import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Shell } from './app/shell.tsx';
import { cssVariables, theme } from './app/theme.ts';

const queries = new QueryClient({ defaultOptions: { queries: { staleTime: 2000, retry: 1, refetchOnWindowFocus: false } } });
const RELOADED = 'meltemi.reloaded';
const root = document.getElementById('root');

// After an upgrade of the control plane, parts of an open page are gone from the server: the page starts anew, once.
window.addEventListener('vite:preloadError', (event) => {
  const last = Number(sessionStorage.getItem(RELOADED) ?? 0);
  if (Date.now() - last < 10_000) return;
  sessionStorage.setItem(RELOADED, String(Date.now()));
  event.preventDefault();
  window.location.reload();
});

if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <MantineProvider
        theme={theme}
        cssVariablesResolver={cssVariables}
        defaultColorScheme="auto"
        colorSchemeManager={localStorageColorSchemeManager({ key: 'meltemi.theme' })}
      >
        <QueryClientProvider client={queries}>
          <Shell />
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
