import type { Framing } from '../obfuscated2.ts'
import { abridged } from './abridged.ts'
import type { FramingCodec } from './frame.ts'
import { intermediate } from './intermediate.ts'
import { padded } from './padded.ts'

/** Every framing by the name its tag stands for. */
export const FRAMINGS: Readonly<Record<Framing, FramingCodec>> = { abridged, intermediate, padded }

export * from './frame.ts'
