import type { Locality } from './types/service.ts';

/** No locality known. */
export const NO_LOCALITY: Locality = { region: '', zone: '', subZone: '' };

/** `region/zone/subzone`, each part optional. */
export function parseLocality(text: string): Locality {
  if (text === '') return NO_LOCALITY;
  const [region = '', zone = '', subZone = ''] = text.split('/');
  return { region, zone, subZone };
}

/** The inverse of `parseLocality`, without trailing slashes. */
export function formatLocality(locality: Locality): string {
  return `${locality.region}/${locality.zone}/${locality.subZone}`.replace(/\/+$/, '');
}
