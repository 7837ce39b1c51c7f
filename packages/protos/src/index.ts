export { bundledSchema, loadCodec, type CodecOptions, type Profile, type ProtoCodec } from './codec.ts';
