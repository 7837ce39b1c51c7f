/** Codes of the problems that decoding finds, and what each means. IST codes are Istio's. */
export const DECODE_CODES = {
  MEL0101: 'The text is not YAML or JSON.',
  MEL0102: 'A document is not a Kubernetes object: it needs apiVersion, kind and metadata.name.',
  MEL0103: 'The kind is unknown, or Meltemi does not support it yet.',
  MEL0104: 'A field that the kind does not have.',
  MEL0105: 'A field or value of Istio or Kubernetes that Meltemi does not support yet.',
  MEL0106: 'Two objects of one kind and name in one input.',
  MEL0107: 'The text is larger, deeper or more aliased than Meltemi reads.',
  IST0106: 'A value breaks a rule of its kind.',
  IST0133: 'A value is allowed but likely not what is meant.',
} as const;

export type DecodeCode = keyof typeof DECODE_CODES;
