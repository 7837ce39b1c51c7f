import { createTheme, type CSSVariablesResolver } from '@mantine/core';
import { DARK, LIGHT, type Palette } from '../graph/render/palette.ts';

/** Mantine's look, with Kiali's blue and no fonts from elsewhere. */
export const theme = createTheme({
  primaryColor: 'mesh',
  primaryShade: { light: 6, dark: 5 },
  colors: { mesh: ['#e7f1fa', '#cfe3f6', '#a6cdf0', '#73b2e8', '#4394e5', '#2b7fd6', '#0066cc', '#0058b0', '#004a94', '#003b76'] },
  fontFamily: "'Red Hat Text', system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', sans-serif",
  fontFamilyMonospace: "ui-monospace, 'Liberation Mono', 'DejaVu Sans Mono', monospace",
  defaultRadius: 'sm',
  components: { Tooltip: { defaultProps: { openDelay: 250, fz: 'xs' } } },
});

function variables(palette: Palette): Record<string, string> {
  return {
    '--page': palette.page,
    '--surface': palette.surface,
    '--raised': palette.raised,
    '--line': palette.line,
    '--ink': palette.ink,
    '--soft': palette.soft,
    '--link': palette.link,
    '--success': palette.success,
    '--warning': palette.warning,
    '--danger': palette.danger,
    '--info': palette.info,
    '--tcp': palette.tcp,
    '--idle': palette.idle,
    '--selected': palette.selected,
    '--halo': palette.halo,
  };
}

/** The palette as CSS variables in both schemes, and what Mantine takes from it. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: { ...variables(LIGHT), '--mantine-color-body': LIGHT.surface, '--mantine-color-text': LIGHT.ink },
  dark: {
    ...variables(DARK),
    '--mantine-color-body': DARK.surface,
    '--mantine-color-text': DARK.ink,
    '--mantine-color-default': DARK.raised,
    '--mantine-color-default-border': DARK.line,
  },
});
