import type { Group } from '../case.ts'
import { answers } from './answers.ts'
import { chunking } from './chunking.ts'
import { fakeTls } from './fake-tls.ts'
import { limits } from './limits.ts'
import { many } from './many.ts'
import { obfuscated2 } from './obfuscated2.ts'
import { probes } from './probes.ts'
import { proxyHeaders } from './proxy-headers.ts'
import { replay } from './replay.ts'
import { transports } from './transports.ts'

/** By their numbers, which stay: a group is added at the end. What strangers do comes last, since it may get us banned. */
export const GROUPS: readonly Group[] = [
  ...[transports, obfuscated2, chunking, answers, fakeTls, replay, proxyHeaders, limits, probes, many],
]
