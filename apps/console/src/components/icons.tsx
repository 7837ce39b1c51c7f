import type { ReactElement } from 'react';

/** Icons as paths in a 16 × 16 box: filled (`fill`) or drawn as lines. */
const ICONS = {
  check: { fill: 'M8 0a8 8 0 1 1 0 16A8 8 0 0 1 8 0Zm3.7 5.2L7 9.9 4.6 7.5 3.4 8.7 7 12.3l5.9-5.9Z' },
  warning: { fill: 'M8 .8 16 15H0Zm-.9 5v4.4h1.8V5.800Zm0 5.600V13h1.800v-1.600Z' },
  error: { fill: 'M8 0a8 8 0 1 1 0 16A8 8 0 0 1 8 0Zm-.95 3.600v5.400h1.900V3.600Zm0 6.900v1.900h1.900v-1.900Z' },
  minus: { fill: 'M8 0a8 8 0 1 1 0 16A8 8 0 0 1 8 0ZM4 7.100v1.800h8V7.100Z' },
  unknown: {
    fill: 'M8 0a8 8 0 1 1 0 16A8 8 0 0 1 8 0Zm-.9 10.800v1.800h1.800v-1.800ZM8 3.400A2.700 2.700 0 0 0 5.300 6.100h1.700c0-.6.4-1 1-1s1 .4 1 1c0 1-1.900 1.100-1.900 3.500h1.700c0-1.700 1.900-1.900 1.900-3.600A2.700 2.700 0 0 0 8 3.400Z',
  },
  lock: {
    fill: 'M4 6V4.500a4 4 0 0 1 8 0V6h.6c.8 0 1.400.6 1.400 1.400v7.200c0 .8-.6 1.400-1.400 1.400H3.400C2.600 16 2 15.400 2 14.600V7.400C2 6.600 2.600 6 3.400 6Zm2 0h4V4.500a2 2 0 0 0-4 0Z',
  },
  lockOpen: {
    fill: 'M4 6V4.500a4 4 0 0 1 7.700-1.500l-1.900.8A2 2 0 0 0 6 4.500V6h6.600c.8 0 1.400.6 1.400 1.400v7.200c0 .8-.6 1.400-1.400 1.400H3.400C2.600 16 2 15.400 2 14.600V7.400C2 6.600 2.600 6 3.400 6Zm0 2v6h8V8Z',
  },
  bell: { line: 'M8 1.500v1m0 0a4.500 4.500 0 0 1 4.500 4.500v3L14 12.500H2L3.500 10V7A4.500 4.500 0 0 1 8 2.500ZM6.500 14.500h3' },
  sun: {
    line: 'M8 4.800a3.200 3.200 0 1 1 0 6.400 3.200 3.200 0 0 1 0-6.400ZM8 .8v1.600M8 13.600v1.600M.8 8h1.600M13.600 8h1.600M2.900 2.900 4 4M12 12l1.100 1.100M2.900 13.100 4 12M12 4l1.100-1.100',
  },
  moon: { line: 'M13.800 9.800A6 6 0 0 1 6.200 2.200a6 6 0 1 0 7.600 7.600Z' },
  refresh: { line: 'M13.500 8a5.500 5.500 0 1 1-1.700-4M13.500 1.500V5H10' },
  search: { line: 'M7 2a5 5 0 1 1 0 10A5 5 0 0 1 7 2Zm3.700 8.700L14.500 14.500' },
  question: {
    line: 'M8 1.500a6.500 6.500 0 1 1 0 13 6.500 6.500 0 0 1 0-13ZM6.200 6.300A1.800 1.800 0 1 1 8.600 8c-.4.200-.6.500-.6 1v.4M8 11.200v.6',
  },
  grid: { line: 'M2 2h5v5H2ZM9 2h5v5H9ZM2 9h5v5H2ZM9 9h5v5H9Z' },
  topology: {
    line: 'M3.500 2a1.500 1.500 0 1 1 0 3 1.500 1.500 0 0 1 0-3ZM12.500 4a1.500 1.500 0 1 1 0 3 1.500 1.500 0 0 1 0-3ZM6 11a1.500 1.500 0 1 1 0 3 1.500 1.500 0 0 1 0-3ZM5 3.900l6 1.300M11.500 6.600 7 11.300M4 5l1.500 6',
  },
  app: { line: 'M2 4h12v9H2ZM2 6.500h12M4 5.200h.1M5.600 5.200h.1' },
  workload: { line: 'M8 1.500 14 4.700v6.600L8 14.500 2 11.300V4.700ZM2 4.700 8 8l6-3.300M8 8v6.500' },
  service: { line: 'M8 2.200 14.500 13.500h-13Z' },
  config: { line: 'M4 1.500h6l3 3v10H4ZM10 1.500v3h3M6 8h5M6 10.500h5' },
  plus: { line: 'M8 2.500v11M2.500 8h11' },
  dash: { line: 'M2.500 8h11' },
  fit: { line: 'M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4' },
  table: { line: 'M1.500 2.500h13v11h-13ZM1.500 6h13M1.500 9.800h13M6 6v7.500' },
  layered: { line: 'M1.500 6h3v4h-3ZM11.500 1.500h3v4h-3ZM11.500 10.500h3v4h-3ZM4.500 8h3.500V3.500h3.500M8 8v4.500h3.500' },
  rings: { line: 'M8 6.500a1.500 1.500 0 1 1 0 3 1.500 1.500 0 0 1 0-3ZM8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2Z' },
  tree: { line: 'M6.500 1.500h3v3h-3ZM1.500 11.500h3v3h-3ZM6.500 11.500h3v3h-3ZM11.500 11.500h3v3h-3ZM8 4.500v7M3 11.500V8h10v3.500' },
  legend: { line: 'M2 3.500h2M2 8h2M2 12.500h2M6.500 3.500H14M6.500 8H14M6.500 12.500H14' },
  panel: { line: 'M2 2.500h12v11H2ZM10 2.500v11' },
  eye: { line: 'M1 8s2.500-4.500 7-4.500S15 8 15 8s-2.500 4.500-7 4.500S1 8 1 8ZM8 6a2 2 0 1 1 0 4 2 2 0 0 1 0-4Z' },
  close: { line: 'M3 3l10 10M13 3 3 13' },
  menu: { line: 'M2 4h12M2 8h12M2 12h12' },
  right: { line: 'M6 3l5 5-5 5' },
  down: { line: 'M3 6l5 5 5-5' },
  clock: { line: 'M8 1.500a6.500 6.500 0 1 1 0 13 6.500 6.500 0 0 1 0-13ZM8 4.500V8l2.500 1.500' },
  user: { line: 'M8 2a3 3 0 1 1 0 6 3 3 0 0 1 0-6ZM2.500 14c.5-3 2.700-4 5.500-4s5 1 5.500 4' },
} as const satisfies Record<string, { readonly fill: string } | { readonly line: string }>;

export type IconName = keyof typeof ICONS;

/** One icon; decorative unless it has a title. */
export function Icon({
  name,
  size = 16,
  color,
  title,
}: {
  readonly name: IconName;
  readonly size?: number;
  readonly color?: string;
  readonly title?: string;
}): ReactElement {
  const icon: { fill?: string; line?: string } = ICONS[name];
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      style={{ flex: 'none', color, verticalAlign: '-0.125em' }}
      role={title === undefined ? undefined : 'img'}
      aria-hidden={title === undefined}
      aria-label={title}
    >
      {icon.fill === undefined ? (
        <path d={icon.line} fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinejoin="round" strokeLinecap="round" />
      ) : (
        <path d={icon.fill} fill="currentColor" fillRule="evenodd" />
      )}
    </svg>
  );
}
