import type { HealthStatus } from '../../api/kiali.ts';

/** The colours of the console, in its two schemes. One table feeds the canvas and the style sheet. */
export interface Palette {
  readonly page: string;
  readonly surface: string;
  readonly raised: string;
  readonly line: string;
  readonly ink: string;
  readonly soft: string;
  readonly link: string;
  readonly success: string;
  readonly warning: string;
  readonly danger: string;
  readonly info: string;
  readonly tcp: string;
  readonly selected: string;
  readonly idle: string;
  readonly halo: string;
  readonly boxes: Readonly<Record<'app' | 'cluster' | 'namespace', { readonly fill: string; readonly line: string }>>;
}

export const LIGHT: Palette = {
  page: '#f2f2f2',
  surface: '#ffffff',
  raised: '#ffffff',
  line: '#d2d2d2',
  ink: '#151515',
  soft: '#585858',
  link: '#0066cc',
  success: '#3d7317',
  warning: '#dca614',
  danger: '#b1380b',
  info: '#5e40be',
  tcp: '#0066cc',
  selected: '#0066cc',
  idle: '#707070',
  halo: '#dca614',
  boxes: {
    app: { fill: 'rgba(0,102,204,.045)', line: '#a9b8c6' },
    namespace: { fill: 'rgba(21,21,21,.022)', line: '#c7c7c7' },
    cluster: { fill: 'rgba(94,64,190,.03)', line: '#b6a6e9' },
  },
};

export const DARK: Palette = {
  page: '#151515',
  surface: '#1f1f1f',
  raised: '#292929',
  line: '#4d4d4d',
  ink: '#ffffff',
  soft: '#b8bbbe',
  link: '#b9dafc',
  success: '#afdc8f',
  warning: '#ffcc17',
  danger: '#f4784a',
  info: '#b6a6e9',
  tcp: '#4394e5',
  selected: '#73bcf7',
  idle: '#8a8d90',
  halo: '#dca614',
  boxes: {
    app: { fill: 'rgba(115,188,247,.06)', line: '#5b6b7a' },
    namespace: { fill: 'rgba(255,255,255,.025)', line: '#4d4d4d' },
    cluster: { fill: 'rgba(182,166,233,.04)', line: '#6753ac' },
  },
};

/** Kinds by the colour of their letter, the same everywhere. */
export const BADGE_COLORS: Readonly<Record<string, string>> = {
  A: '#3d7317',
  S: '#0b7285',
  W: '#004d99',
  SE: '#5b6b2a',
  O: '#8a5a00',
  NS: '#2d5a27',
  C: '#5e40be',
  G: '#8a5a00',
  P: '#006e6e',
};

export function healthColor(palette: Palette, health: HealthStatus): string {
  switch (health) {
    case 'Healthy':
      return palette.success;
    case 'Degraded':
      return palette.warning;
    case 'Failure':
      return palette.danger;
    case 'Not Ready':
      return palette.info;
    case 'NA':
      return palette.idle;
  }
}
