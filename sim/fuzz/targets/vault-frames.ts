import { concat } from '../../../src/core/protocol/bytes.ts'
import {
  emptyFrame,
  foundFrame,
  macFrame,
  randomAnswer,
  readAnswer,
  stateFrame,
  troubleFrame,
  type Answer,
} from '../../../src/vault/helper/answers.ts'
import { FRAME_BYTES_MAX, FrameReader, LENGTH_BYTES } from '../../../src/vault/helper/frames.ts'
import {
  forgetFrame,
  listenFrame,
  matchFrame,
  randomFrame,
  readRequest,
  signFrame,
  useFrame,
  type Request,
} from '../../../src/vault/helper/requests.ts'
import { pieces } from '../cuts.ts'
import { must, mustBeSame, type Target } from '../target.ts'

/** What passes between processes of the proxy and the vault helper, both ways: frames, and what is in them. */
export const target: Target = {
  bytesMax: 512,
  seeds: () => [
    concat(listenFrame(), useFrame(7, 'family'), forgetFrame(7)),
    matchFrame(1, 12.5, [7, 8], { kind: 'init', wire: new Uint8Array(64) }) ?? listenFrame(),
    matchFrame(2, 1e9, [], { kind: 'client-hello', random: new Uint8Array(32), record: new Uint8Array(40) }) ??
      listenFrame(),
    signFrame(3, -1, { id: 7, generation: 2 }, [new Uint8Array(8), new Uint8Array(4)]) ?? listenFrame(),
    randomFrame(4, 0, 1024),
    concat(emptyFrame('none', 1, 2), emptyFrame('failed', 3, 4), stateFrame(true), stateFrame(false)),
    foundFrame(5, 1, 0, { kind: 'client-hello', generation: 1, stamp: 1_760_000_000 }),
    foundFrame(6, 1, 2, { kind: 'init', fromClient: side(), toClient: side(), plain: new Uint8Array(64) }),
    concat(macFrame(7, new Uint8Array(32)), randomAnswer(8, new Uint8Array(16))),
    concat(troubleFrame({ kind: 'pin-refused' }), troubleFrame({ kind: 'error', code: 'CKR_DEVICE_ERROR' })),
    Uint8Array.of(0, 0, 1, 0, 9),
    Uint8Array.of(1, 0, 1, 0, 9),
  ],
  run(input) {
    const model = framesOf(input)
    const found: Uint8Array[] = []
    const reader = new FrameReader()
    let isGood = true
    for (const chunk of pieces(input)) {
      isGood = reader.push(chunk, (frame) => found.push(frame.slice()) > 0)
      chunk.fill(0xdb)
      if (!isGood) break
    }
    must(isGood === model.isGood, isGood ? 'a length out of bounds was taken' : 'a good stream was refused')
    mustBeSame(found, model.frames, 'frames')
    return found.map((frame) => {
      const [request, answer] = [readRequest(frame), readAnswer(frame)]
      if (request !== undefined) mustBeSame(written(request), frame, 'a request written again')
      if (answer !== undefined) mustBeSame(writtenAnswer(answer), frame, 'an answer written again')
      return [request, answer]
    })
  },
}

function side() {
  return { key: new Uint8Array(32), iv: new Uint8Array(16) }
}

function framesOf(stream: Uint8Array): { readonly frames: readonly Uint8Array[]; readonly isGood: boolean } {
  const frames: Uint8Array[] = []
  const bytes = Buffer.from(stream)
  for (let at = 0; at + LENGTH_BYTES <= bytes.length;) {
    const length = bytes.readUInt32LE(at)
    if (length < 1 || length > FRAME_BYTES_MAX) return { frames, isGood: false }
    at += LENGTH_BYTES + length
    if (at <= bytes.length) frames.push(stream.slice(at - length, at))
  }
  return { frames, isGood: true }
}

function written(request: Request): Uint8Array | undefined {
  return frameOf(request)?.subarray(LENGTH_BYTES)
}

function frameOf(request: Request): Uint8Array | undefined {
  switch (request.kind) {
    case 'listen':
      return listenFrame()
    case 'random':
      return randomFrame(request.ask, request.until, request.count)
    case 'use':
      return useFrame(request.id, request.label)
    case 'forget':
      return forgetFrame(request.id)
    case 'match':
      return matchFrame(request.ask, request.until, request.candidates, request.hello)
    case 'sign':
      return signFrame(request.ask, request.until, request.key, [request.data])
  }
}

function writtenAnswer(answer: Answer): Uint8Array {
  switch (answer.kind) {
    case 'none':
    case 'failed':
      return emptyFrame(answer.kind, answer.ask, answer.trials).subarray(LENGTH_BYTES)
    case 'found':
      return foundFrame(answer.ask, answer.trials, answer.index, answer.found).subarray(LENGTH_BYTES)
    case 'mac':
      return macFrame(answer.ask, answer.mac).subarray(LENGTH_BYTES)
    case 'random':
      return randomAnswer(answer.ask, answer.bytes).subarray(LENGTH_BYTES)
    case 'state':
      return stateFrame(answer.isReachable).subarray(LENGTH_BYTES)
    case 'trouble':
      return troubleFrame(answer.trouble).subarray(LENGTH_BYTES)
  }
}
