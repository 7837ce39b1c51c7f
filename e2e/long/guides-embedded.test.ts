import { guidesInNamespaces } from './guides-in-namespaces.ts';

await guidesInNamespaces('embedded');
