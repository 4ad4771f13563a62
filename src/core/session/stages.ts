/** The stages of a client connection and the moves between them, as data: the property test and the diagram read this table. */
export const STAGES = [
  'proxy-header',
  'hello',
  'init',
  'opening',
  'relay',
  'mask',
  'tarpit',
  'discard',
  'closed',
] as const
export type StageName = (typeof STAGES)[number]

/** Stages only ever move forward. A move that is not listed here is a fault of ours. */
export const MOVES: Readonly<Record<StageName, readonly StageName[]>> = {
  /** Waiting for the header of a load balancer in front of us. */
  'proxy-header': ['hello', 'mask', 'tarpit', 'discard', 'closed'],
  /** Collecting a ClientHello or an obfuscated2 init; everything is decided here, before our first byte. */
  hello: ['init', 'opening', 'mask', 'tarpit', 'discard', 'closed'],
  /** Our ServerHello is out: there is no way back to the mask host. */
  init: ['opening', 'discard', 'closed'],
  /** Dialling the DC. */
  opening: ['relay', 'discard', 'closed'],
  relay: ['closed'],
  /** Relayed to the web site we hide behind. */
  mask: ['discard', 'closed'],
  /** Refused and held, told nothing. */
  tarpit: ['closed'],
  /** Reading and discarding to a jittered bound. */
  discard: ['closed'],
  closed: [],
}
