import { runGuides } from './run-guides.ts';

runGuides('envoy');
