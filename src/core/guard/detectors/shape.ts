/** What a connection to Telegram was like. */
export interface Use {
  readonly ageMs: number
  readonly fromClientBytes: number
  readonly toClientBytes: number
}

const BRIEF_MS = 2_000
/** Less than a client's first real answer: a ping, or the first step of a key exchange. */
const BRIEF_BYTES = 512
const DUMB_MS = 10_000
const DUMB_BYTES = 4_096

/**
 * `brief`: came and went with next to nothing, as tests of a proxy do, and floods by somebody who has a secret: it earns its source
 * no higher limits. `dumb`: said a lot that Telegram never answered, which is no client. Ratios of bytes say nothing else: an
 * upload looks like that, but for its short answers.
 */
export type Shape = 'brief' | 'dumb' | 'usual'

export function shapeOf({ ageMs, fromClientBytes, toClientBytes }: Use): Shape {
  if (toClientBytes === 0 && ageMs >= DUMB_MS && fromClientBytes >= DUMB_BYTES) return 'dumb'
  return ageMs < BRIEF_MS && toClientBytes < BRIEF_BYTES ? 'brief' : 'usual'
}
